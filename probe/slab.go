package probe

import "github.com/ipctop/ipctop/model"

// slabObjects is how many objects have their memory together: of many kinds most are where
// those who emitted them put them, so that room for all would be too much.
const slabObjects = 256

// place puts an object where it stays: in a slab, if the scan is the only one.
func (j *joined) place(e *Entry, o model.Object) {
	e.raw = false
	switch {
	case j.keep:
		kept := o // or each object were made once more to be placed in a slab
		e.Object, e.shown = &kept, false
	default:
		if len(j.slab) == cap(j.slab) {
			j.slab = make([]model.Object, 0, slabObjects)
		}
		j.slab = append(j.slab, o)
		e.Object = &j.slab[len(j.slab)-1]
	}
}
