package live

import (
	"maps"

	"github.com/ipctop/ipctop/model"
)

// parts has lists that are computed from a snapshot's objects and links, and that the next
// snapshot reuses as far as its records are the same.
type parts struct {
	held   byProcess[model.Object] // the objects that a process holds
	linked byProcess[model.Link]   // its links
	filled []*model.Object         // objects with data and a holder, in the snapshot's order

	// places has, for each object, its index in the snapshot before, if it is the same
	// record; nil if all are the same, or if there was no snapshot before.
	places []int32
	fresh  int // memory of the new records, including their holders
	size   int // memory of all records
}

// newParts makes the parts of a snapshot. prev are the parts of before, the snapshot before;
// both may be nil.
func newParts(s *model.Snapshot, prev *parts, before *model.Snapshot) *parts {
	p := &parts{}
	if prev == nil {
		p.held = nextByProcess(byProcess[model.Object]{}, nil, s.Objects, nil, model.CompareObjects, eachHolder)
		p.linked = nextByProcess(byProcess[model.Link]{}, nil, s.Links, nil, model.CompareLinks, eachParty)
		for _, o := range s.Objects {
			p.size += sizeOfObject + sizeOfHolder*len(o.Holders)
			if isFilled(o) {
				p.filled = append(p.filled, o)
			}
		}
		p.size += sizeOfObject * len(s.Links)
		p.fresh = p.size
		return p
	}
	*p = parts{held: prev.held, linked: prev.linked, filled: prev.filled, size: prev.size}
	if !model.SameList(before.Objects, s.Objects) {
		p.places = model.Places(before.Objects, s.Objects, model.CompareObjects)
		p.held = nextByProcess(prev.held, before.Objects, s.Objects, p.places, model.CompareObjects, eachHolder)
		p.compareObjects(prev, before.Objects, s.Objects)
	}
	if !model.SameList(before.Links, s.Links) {
		places := model.Places(before.Links, s.Links, model.CompareLinks)
		p.linked = nextByProcess(prev.linked, before.Links, s.Links, places, model.CompareLinks, eachParty)
		for _, at := range places {
			if at < 0 {
				p.fresh += sizeOfObject
			}
		}
		p.size += sizeOfObject * (len(s.Links) - len(before.Links))
	}
	return p
}

// compareObjects updates the list of filled objects and the memory of the objects.
func (p *parts) compareObjects(prev *parts, before, now []*model.Object) {
	stays := make([]bool, len(before))
	p.filled = nil
	old := 0 // index in prev.filled
	for i, o := range now {
		at := p.places[i]
		if at >= 0 {
			stays[at] = true
			for old < len(prev.filled) && prev.filled[old] != o && model.CompareObjects(prev.filled[old], o) < 0 {
				old++
			}
			if old < len(prev.filled) && prev.filled[old] == o {
				p.filled = append(p.filled, o)
			}
			continue
		}
		p.fresh += sizeOfObject + sizeOfHolder*len(o.Holders)
		if isFilled(o) {
			p.filled = append(p.filled, o)
		}
	}
	p.size += p.fresh
	for i, o := range before {
		if !stays[i] {
			p.size -= sizeOfObject + sizeOfHolder*len(o.Holders)
		}
	}
}

// isFilled reports whether an object contains data and has a holder.
func isFilled(o *model.Object) bool { return o.Fill.Or(0) > 0 && len(o.Holders) > 0 }

// eachHolder calls f for each holder record of an object; the records of a process are together.
func eachHolder(o *model.Object, f func(pid int32)) {
	for i := range o.Holders {
		if pid := o.Holders[i].PID; pid != 0 {
			f(pid)
		}
	}
}

// eachParty calls f for each process at an end of a link.
func eachParty(l *model.Link, f func(pid int32)) {
	for _, pids := range [][]int{l.From, l.To} {
		for _, pid := range pids {
			f(int32(pid))
		}
	}
}

// byProcess lists the records of each process, in the snapshot's order.
type byProcess[T any] struct {
	all     map[int32][]*T
	changed map[int32][]*T // lists that have changed since all was made
}

func (b byProcess[T]) of(pid int) []*T {
	if list, ok := b.changed[int32(pid)]; ok {
		return list
	}
	return b.all[int32(pid)]
}

// nextByProcess makes the lists for now from b, the lists for before. places is the result of
// [model.Places] for both; nil: all lists are made again. compare is the order of both.
func nextByProcess[T any](b byProcess[T], before, now []*T, places []int32, compare func(a, b *T) int, each func(r *T, f func(pid int32))) byProcess[T] {
	if places == nil {
		b = byProcess[T]{all: map[int32][]*T{}}
		for _, r := range now {
			each(r, func(pid int32) {
				if list := b.all[pid]; len(list) == 0 || list[len(list)-1] != r {
					b.all[pid] = append(list, r)
				}
			})
		}
		return b
	}
	// If a process has a record that is new or gone, its list is made again from the old list
	// and the new records.
	stays := make([]bool, len(before))
	for _, at := range places {
		if at >= 0 {
			stays[at] = true
		}
	}
	gone, affected := map[*T]bool{}, map[int32][]int32{} // by process: indexes of its new records
	for i, r := range before {
		if !stays[i] {
			gone[r] = true
			each(r, func(pid int32) { affected[pid] = affected[pid][:len(affected[pid]):len(affected[pid])] })
		}
	}
	for i, r := range now {
		if places[i] < 0 {
			each(r, func(pid int32) {
				if list := affected[pid]; len(list) == 0 || list[len(list)-1] != int32(i) {
					affected[pid] = append(list, int32(i))
				}
			})
		}
	}
	if len(gone) > len(before)/4+maxGone || len(b.changed)+len(affected) > len(b.all)/2+maxGone {
		return nextByProcess(b, nil, now, nil, compare, each)
	}
	next := byProcess[T]{all: b.all, changed: maps.Clone(b.changed)}
	if next.changed == nil {
		next.changed = map[int32][]*T{}
	}
	for pid, added := range affected {
		var list []*T
		for _, r := range b.of(int(pid)) {
			if gone[r] {
				continue
			}
			for len(added) > 0 && compare(now[added[0]], r) < 0 {
				list, added = append(list, now[added[0]]), added[1:]
			}
			list = append(list, r)
		}
		for _, i := range added {
			list = append(list, now[i])
		}
		next.changed[pid] = list
	}
	return next
}

// maxGone is the number of changes that is always allowed before all lists are made again.
const maxGone = 64
