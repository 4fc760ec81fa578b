package probe

import "github.com/ipctop/ipctop/model"

// objects are the objects of list, in its order, as a snapshot has them. One that is as it
// was in the last snapshot is the same.
func (idx *Index) objects(list []*Entry) []*model.Object {
	objects := make([]*model.Object, len(list))
	for i, e := range list {
		complete, peers := idx.HoldersComplete(e), idx.peersNow(e)
		o := e.Object
		if !e.shown || o.HoldersComplete != complete || !sameSlice(o.Holders, e.Holders) || !sameSlice(o.Peers, peers) {
			o = e.OwnObject()
			o.Holders, o.HoldersComplete, o.Peers = e.Holders, complete, peers
		}
		objects[i], e.shown = o, true
	}
	return objects
}

// sameSlice reports whether two slices are the same part of the same array.
func sameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// place puts an object where it stays: in the slab, if the scan is the only one.
func (j *joined) place(e *Entry, o model.Object) {
	switch {
	case j.keep:
		e.Object, e.shown = &o, false
	default:
		if len(j.slab) == cap(j.slab) {
			j.slab = make([]model.Object, 0, max(64, len(j.entries)+len(j.entries)/16))
		}
		j.slab = append(j.slab, o)
		e.Object = &j.slab[len(j.slab)-1]
	}
}
