package probe

import "github.com/ipctop/ipctop/model"

// place puts an object where it stays: in the slab, if the scan is the only one.
func (j *joined) place(e *Entry, o model.Object) {
	e.raw = false
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
