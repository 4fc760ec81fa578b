package probe

import "github.com/ipctop/ipctop/model"

// objects are the objects of list, in its order, as a snapshot has them. Those of a scanner
// that scans again are copied, as the next scan goes on with its own.
func (j *joined) objects(list []*Entry) []model.Object {
	if j.keep {
		objects := make([]model.Object, len(list))
		for i, e := range list {
			objects[i] = *e.Object
		}
		return objects
	}
	return j.arrange(list)
}

// place puts an object where it stays: in the slab, if the scan is the only one. The
// snapshot is made there: to copy objects would be to need the memory twice, at the very end.
func (j *joined) place(e *Entry, o model.Object) {
	switch {
	case j.keep && e.Object != nil:
		*e.Object = o
	case j.keep:
		e.Object = &o
	default:
		if j.slab == nil {
			j.slab = make([]model.Object, 0, len(j.entries)+len(j.entries)/16)
		}
		j.slab = append(j.slab, o)
		e.place = len(j.slab)
		e.Object = &j.slab[e.place-1]
	}
}

// arrange puts the objects of list, in its order, at the beginning of the slab, and
// returns that part of it. The entries keep their objects, so it can be done again when
// some were changed or added: there is one snapshot of a scan, and these are its objects.
func (j *joined) arrange(list []*Entry) []model.Object {
	slab, n := j.slab, len(list)
	used := make([]bool, len(slab), max(len(slab), n))
	for _, e := range list {
		if e.place > 0 {
			used[e.place-1] = true
		}
	}
	// What was found after the join takes the places of what was merged.
	free := 0
	for _, e := range list {
		if e.place > 0 {
			continue
		}
		for free < len(used) && used[free] {
			free++
		}
		if free == len(used) {
			slab, used = append(slab, model.Object{}), append(used, false)
		}
		slab[free], used[free], e.place = *e.Object, true, free+1
	}
	from := make([]int, 0, len(slab))
	for _, e := range list {
		from = append(from, e.place-1)
	}
	for i, u := range used {
		if !u {
			from = append(from, i)
		}
	}
	gather(slab, from)
	clear(slab[n:])
	j.slab = slab[:n]
	for i, e := range list {
		e.Object, e.place = &slab[i], i+1
	}
	return slab[:n:n]
}

// gather makes list[i] what list[from[i]] was. from is a permutation, and is
// used up.
func gather[T any](list []T, from []int) {
	for i := range list {
		if from[i] == i {
			continue
		}
		first, at := list[i], i
		for from[at] != i {
			next := from[at]
			list[at], from[at] = list[next], at
			at = next
		}
		list[at], from[at] = first, at
	}
}
