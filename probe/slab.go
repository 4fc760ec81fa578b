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

// handOver returns the objects of list, in its order and in the memory of the
// shelf. The entries are without objects from then on.
func (idx *Index) handOver(list []*Entry) []model.Object {
	shelf, n := idx.slab, len(list)
	idx.slab = nil
	used := make([]bool, len(shelf), max(len(shelf), n))
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
			shelf, used = append(shelf, model.Object{}), append(used, false)
		}
		shelf[free], used[free], e.place = *e.Object, true, free+1
	}
	from := make([]int, 0, len(shelf))
	for _, e := range list {
		from = append(from, e.place-1)
		e.Object = nil
	}
	for i, u := range used {
		if !u {
			from = append(from, i)
		}
	}
	gather(shelf, from)
	clear(shelf[n:])
	return shelf[:n:n]
}

// takeBack gives the entries the objects back that a snapshot took, so that
// another one can be made. The first is worth nothing from then on.
func (idx *Index) takeBack(objects []model.Object) {
	idx.slab = objects
	for i, e := range idx.order {
		e.Object, e.place = &objects[i], i+1
	}
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
