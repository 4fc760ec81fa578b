package probe

import "github.com/ipctop/ipctop/model"

// buildObjects makes the objects that only descriptors told of, and sets apart what is
// none. What a probe emitted is copied: the probe may keep it for the next scan, and an
// object that is in a snapshot does not change any more.
func (idx *Index) buildObjects() {
	for k, e := range idx.objects {
		if e.Object == nil && k.Space.New == nil {
			delete(idx.objects, k)
			idx.unclaimed[k] = e
		}
	}
	slab := make([]model.Object, len(idx.objects))
	for k, e := range idx.objects {
		o := &slab[0]
		slab = slab[1:]
		if e.Object != nil {
			*o = *e.Object
		} else {
			*o = k.Space.New(k, idx.Scan)
		}
		e.Object = o
		idx.spaces[k.Space] = append(idx.spaces[k.Space], e)
	}
}
