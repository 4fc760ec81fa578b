package live

import (
	"maps"

	"github.com/ipctop/ipctop/model"
)

// parts is what a snapshot's objects and links make of the processes, and what else is
// taken over from one snapshot to the next as far as its records are the same.
type parts struct {
	held   byProcess[model.Object] // the objects that a process holds
	linked byProcess[model.Link]   // its links
	filled []*model.Object         // what has something in it and a holder, in the snapshot's order

	// Of the objects: the places in the snapshot before of those that are the same; nil if
	// all are, or there was none before.
	places []int32
	fresh  int // how many records are new, with their holders, as memory
	size   int // … and all of them
}

// newParts makes the parts of a snapshot; prev are those of the one before, of which
// before is the snapshot, or nil.
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

// compareObjects takes over what is filled, and counts what the objects take.
func (p *parts) compareObjects(prev *parts, before, now []*model.Object) {
	stays := make([]bool, len(before))
	p.filled = nil
	old := 0 // place in prev.filled
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

// isFilled reports whether somebody holds an object that has something in it.
func isFilled(o *model.Object) bool { return o.Fill.Or(0) > 0 && len(o.Holders) > 0 }

// eachHolder calls f for each process that holds an object; those of one stand together.
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

// byProcess lists records by the processes that they are about, in the snapshot's order.
type byProcess[T any] struct {
	all     map[int32][]*T
	changed map[int32][]*T // since that was made
}

func (b byProcess[T]) of(pid int) []*T {
	if list, ok := b.changed[int32(pid)]; ok {
		return list
	}
	return b.all[int32(pid)]
}

// nextByProcess lists the records of a list; places are those of [model.Places] in the
// list before, of which b is, and compare is the order of both.
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
	// A process with a record that is new or gone has its list made anew, of its old list
	// and of what is new.
	stays := make([]bool, len(before))
	for _, at := range places {
		if at >= 0 {
			stays[at] = true
		}
	}
	gone, affected := map[*T]bool{}, map[int32][]int32{} // the places of what is new
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

// maxGone is how much may change at the least before the lists are made anew.
const maxGone = 64
