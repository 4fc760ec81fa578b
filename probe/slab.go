package probe

import "github.com/ipctop/ipctop/model"

// objects are the objects of list, in its order, as a snapshot has them. Those of a scanner
// that scans again are copied, as the next scan goes on with its own.
func (j *joined) objects(list []*Entry) []*model.Object {
	objects := make([]*model.Object, len(list))
	var copies []model.Object
	if j.keep {
		copies = make([]model.Object, len(list))
	}
	for i, e := range list {
		objects[i] = e.Object
		if j.keep {
			copies[i] = *e.Object
			objects[i] = &copies[i]
		}
	}
	return objects
}

// place puts an object where it stays: in the slab, if the scan is the only one.
func (j *joined) place(e *Entry, o model.Object) {
	switch {
	case j.keep && e.Object != nil:
		*e.Object = o
	case j.keep:
		e.Object = &o
	default:
		if len(j.slab) == cap(j.slab) {
			j.slab = make([]model.Object, 0, max(64, len(j.entries)+len(j.entries)/16))
		}
		j.slab = append(j.slab, o)
		e.Object = &j.slab[len(j.slab)-1]
	}
}
