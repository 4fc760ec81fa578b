package probe

import "github.com/ipctop/ipctop/model"

// buildObjects makes the objects that only descriptors told of, sets apart what is
// none, and brings all objects together in one slab. The snapshot is made in it:
// to copy them there would be to need the memory twice, at the very end.
func (idx *Index) buildObjects() {
	for k, e := range idx.objects {
		if e.Object == nil && k.Space.New == nil {
			delete(idx.objects, k)
			idx.unclaimed[k] = e
		}
	}
	idx.slab = make([]model.Object, 0, len(idx.objects)+len(idx.objects)/16)
	for k, e := range idx.objects {
		if e.Object != nil {
			idx.slab = append(idx.slab, *e.Object)
		} else {
			idx.slab = append(idx.slab, k.Space.New(k, idx.Scan))
		}
		e.place = len(idx.slab)
		e.Object = &idx.slab[e.place-1]
		idx.spaces[k.Space] = append(idx.spaces[k.Space], e)
	}
}

// arrange puts the objects of list, in its order, at the beginning of the slab, and
// returns that part of it. The entries keep their objects, so it can be done again when
// some were changed or added: there is one snapshot of a scan, and these are its objects.
func (idx *Index) arrange(list []*Entry) []model.Object {
	slab, n := idx.slab, len(list)
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
	idx.slab = slab[:n]
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
