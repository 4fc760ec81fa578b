package route

import (
	"container/heap"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// Step leads from a process to another one through a link.
type Step struct {
	From, To int // pids
	Link     *model.Link

	// Whether From can send to To, and To to From.
	Forth, Back bool
}

// cost returns the length of a way through a link; a channel has length 1. Processes that
// share a file or a terminal seldom use it to communicate, so it counts as longer.
func cost(k model.Kind) int {
	switch k {
	case model.File:
		return 8
	case model.Pty:
		return 4
	}
	return 1
}

// Find returns the shortest way from any of the processes from to any of to; of several
// the first by pids and links. It is nil if there is none. ok is false if a process is in
// both: then there is nothing to find.
func Find(s *model.Snapshot, from, to []int) (steps []Step, ok bool) {
	f := finder{sides: map[int][]side{}, reached: map[int]*visit{}, used: map[side]bool{}}
	hidden := func(pid int) bool {
		p := s.Process(pid)
		return p != nil && s.Own(p)
	}
	for i, l := range s.Links {
		for _, pid := range l.From {
			f.sides[pid] = append(f.sides[pid], side{i, true})
		}
		for _, pid := range l.To {
			f.sides[pid] = append(f.sides[pid], side{i, false})
		}
	}
	for _, pid := range slices.Sorted(slices.Values(from)) {
		if slices.Contains(to, pid) {
			return nil, false
		}
		f.reach(&visit{pid: pid})
	}
	for len(f.next) > 0 {
		v := heap.Pop(&f.next).(*visit)
		if f.reached[v.pid] != v {
			continue // a shorter way to this process has been found since
		}
		if slices.Contains(to, v.pid) {
			return f.steps(v), true
		}
		for _, side := range f.sides[v.pid] {
			if f.used[side] {
				continue // an earlier visit has reached all processes at the other end
			}
			f.used[side] = true
			l := s.Links[side.link]
			others := l.To
			if !side.from {
				others = l.From
			}
			for _, pid := range others {
				if !hidden(pid) {
					f.reach(&visit{pid: pid, cost: v.cost + cost(l.Kind), before: v, link: l})
				}
			}
		}
	}
	return nil, true
}

// side is one end of a link, which is given by its index in the snapshot.
type side struct {
	link int
	from bool
}

// visit is a process and how it was reached.
type visit struct {
	pid, cost int
	before    *visit
	link      *model.Link
	order     int // the number of the visit, in the order of visits
}

type finder struct {
	sides   map[int][]side // by process
	reached map[int]*visit
	used    map[side]bool
	next    queue
	order   int
}

func (f *finder) reach(v *visit) {
	if old := f.reached[v.pid]; old != nil && old.cost <= v.cost {
		return
	}
	f.order++
	v.order = f.order
	f.reached[v.pid] = v
	heap.Push(&f.next, v)
}

func (f *finder) steps(v *visit) []Step {
	var list []Step
	for ; v.before != nil; v = v.before {
		a, b := v.before.pid, v.pid
		in := func(pid int, list []int) bool { return slices.Contains(list, pid) }
		forth := in(a, v.link.From) && in(b, v.link.To)
		back := in(b, v.link.From) && in(a, v.link.To)
		list = append(list, Step{a, b, v.link, forth || v.link.BothWays, back || v.link.BothWays})
	}
	slices.Reverse(list)
	return list
}

// queue is a heap of visits, the nearest first.
type queue []*visit

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].cost != q[j].cost {
		return q[i].cost < q[j].cost
	}
	return q[i].order < q[j].order
}

func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements [heap.Interface].
func (q *queue) Push(x any) { *q = append(*q, x.(*visit)) }

// Pop implements [heap.Interface].
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}
