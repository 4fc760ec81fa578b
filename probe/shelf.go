package probe

import "github.com/ipctop/ipctop/model"

// shelve makes the objects that only descriptors told of, sets apart what is
// none, and brings all objects together in one slab. The snapshot is made in it:
// to copy them there would be to need the memory twice, at the very end.
func (j *Joined) shelve() {
	for k, e := range j.objects {
		if e.Object == nil && k.Space.New == nil {
			delete(j.objects, k)
			j.unclaimed[k] = e
		}
	}
	j.shelf = make([]model.Object, 0, len(j.objects)+len(j.objects)/16)
	for k, e := range j.objects {
		if e.Object != nil {
			j.shelf = append(j.shelf, *e.Object)
		} else {
			j.shelf = append(j.shelf, k.Space.New(k, j.Scan))
		}
		e.place = len(j.shelf)
		e.Object = &j.shelf[e.place-1]
		j.spaces[k.Space] = append(j.spaces[k.Space], e)
	}
}

// takeShelf returns the objects of list, in its order and in the memory of the
// shelf. The joints are without objects from then on.
func (j *Joined) takeShelf(list []*Joint) []model.Object {
	shelf, n := j.shelf, len(list)
	j.shelf = nil
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

// returnShelf gives the joints the objects back that a snapshot took, so that
// another one can be made. The first is worth nothing from then on.
func (j *Joined) returnShelf(objects []model.Object) {
	j.shelf = objects
	for i, e := range j.order {
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
