package probe

import "github.com/ipctop/ipctop/model"

// slabObjects is the number of objects in one slab. A slab for all objects would be too large:
// most objects of many kinds stay in the memory that the probe allocated.
const slabObjects = 256

// place copies an object to its final memory: a slab if there is only one scan.
func (j *joined) place(e *Entry, o model.Object) {
	e.asEmitted = false
	switch {
	case j.keep:
		kept := o // a copy of its own, so that o does not escape to the heap where a slab is used
		e.Object, e.shown = &kept, false
	default:
		if len(j.slab) == cap(j.slab) {
			j.slab = make([]model.Object, 0, slabObjects)
		}
		j.slab = append(j.slab, o)
		e.Object = &j.slab[len(j.slab)-1]
	}
}
