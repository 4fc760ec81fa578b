package graph

import "slices"

// removal is one elimination: who is dead if what a level stands for is assumed.
type removal struct {
	g     *Graph
	level Level
	halts bool   // who is halted never goes on, and what is not known brings nothing
	dead  []bool // by node
	ways  []way  // by node, if halts: to somebody who is halted

	free      map[int]int // by process: threads that may run
	freeCrowd []int       // by crowd: processes with such
	freeBelow map[int]int // by process: threads of its children that may
}

// scratch is memory that eliminations use again.
type scratch struct {
	removals [External]*removal // of graphs before

	watchers map[int][]int // by process: dead nodes with a clause on it
	parents  map[int][]int // by process: dead nodes that the end of a child of it interrupts
	waiters  map[int][]int // by node: dead nodes with a clause on it
	queue    []int
}

// keep keeps the memory of removals that nobody needs any more.
func (s *scratch) keep(list *[External]*removal) {
	for level, r := range list {
		if r != nil {
			r.g = nil
			s.removals[level] = r
		}
	}
}

// begin is a removal of nobody.
func (s *scratch) begin(g *Graph, level Level) *removal {
	if s.watchers == nil {
		s.watchers, s.parents, s.waiters = map[int][]int{}, map[int][]int{}, map[int][]int{}
	}
	for _, lists := range []map[int][]int{s.watchers, s.parents, s.waiters} {
		if len(lists) > 2*len(g.nodes) { // many have ended
			clear(lists)
		}
		for at, list := range lists {
			lists[at] = list[:0]
		}
	}
	r := s.removals[level]
	if s.removals[level] = nil; r == nil {
		r = &removal{free: map[int]int{}, freeBelow: map[int]int{}}
	}
	clear(r.free)
	clear(r.freeBelow)
	r.g, r.level, r.halts, r.dead, r.freeCrowd = g, level, false, zeroed(r.dead, len(g.nodes)), zeroed(r.freeCrowd, len(g.crowds))
	return r
}

// zeroed is a list of n zeros, in the memory of another one where that is large enough.
func zeroed[T any](list []T, n int) []T {
	list = slices.Grow(list[:0], n)[:n]
	clear(list)
	return list
}

// count counts a thread that may run, and calls first with the crowds of which it is the
// first one.
func (r *removal) count(i int, first func(crowd int)) {
	p := r.g.nodes[i].process
	if r.free[p.PID]++; r.free[p.PID] == 1 {
		for _, at := range r.g.crowdsOf[p.PID] {
			if r.freeCrowd[at]++; r.freeCrowd[at] == 1 {
				first(at)
			}
		}
	}
	r.freeBelow[p.PPID]++
}

// eliminate finds the threads that can never go on, if what the level stands for is
// assumed. From [Unlikely] on, processes that could not be read release
// nothing, nor do a runtime's housekeeping threads.
func (g *Graph) eliminate(level Level) *removal {
	r := g.scratch.begin(g, level)
	r.run()
	return r
}

// run removes until nobody is left who may go on.
func (r *removal) run() {
	g, s := r.g, r.g.scratch
	crowded := make([][]int, len(g.crowds)) // by crowd: dead nodes with a clause on it
	for i := range g.nodes {
		n := &g.nodes[i]
		r.dead[i] = n.blocked && (r.level > Proven || n.settled) && !n.housekeeps || r.halts && halted(n)
		if r.frees(i) {
			r.count(i, func(int) {})
		}
	}
	for i := range g.nodes {
		if !r.dead[i] {
			continue
		}
		for k := range g.nodes[i].clauses {
			c := &g.nodes[i].clauses[k]
			if c.crowd != 0 {
				crowded[c.crowd-1] = append(crowded[c.crowd-1], i)
			} else {
				for _, pid := range c.Processes {
					s.watchers[pid] = append(s.watchers[pid], i)
				}
			}
			if c.starter != 0 {
				s.watchers[c.starter] = append(s.watchers[c.starter], i)
			}
			if c.parent != 0 {
				s.parents[c.parent] = append(s.parents[c.parent], i)
			}
			for _, tid := range c.Threads {
				if at, ok := g.byTID[tid]; ok {
					s.waiters[at] = append(s.waiters[at], i)
				}
			}
		}
	}
	queue := s.queue[:0]
	for i := range g.nodes {
		if r.dead[i] {
			queue = append(queue, i)
		}
	}
	for len(queue) > 0 {
		i := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if !r.dead[i] || !r.released(i) {
			continue
		}
		r.dead[i] = false
		r.count(i, func(at int) { queue = append(queue, crowded[at]...) })
		p := g.nodes[i].process
		queue = append(append(append(queue, s.watchers[p.PID]...), s.parents[p.PPID]...), s.waiters[i]...)
	}
	s.queue = queue
	if r.halts {
		r.findWays(crowded)
	}
}

// frees reports whether a thread counts as one that may run and release others.
func (r *removal) frees(i int) bool {
	n := &r.g.nodes[i]
	if r.dead[i] {
		return false
	}
	return r.level == Proven || !n.housekeeps && n.unread == ""
}

// released reports whether every clause of a thread may come true.
func (r *removal) released(i int) bool {
	if r.halts && halted(&r.g.nodes[i]) {
		return false
	}
	for k := range r.g.nodes[i].clauses {
		if c := &r.g.nodes[i].clauses[k]; r.holds(c) || r.halts && r.g.namesSomebody(&r.g.nodes[i], c) && r.among(c) {
			return false
		}
	}
	return true
}

// holds reports whether a clause lies wholly among the dead.
func (r *removal) holds(c *Clause) bool { return c.Level <= r.level && r.among(c) }

// among reports whether all that a clause names are among the dead.
func (r *removal) among(c *Clause) bool {
	if c.starter != 0 && r.free[c.starter] > 0 || c.parent != 0 && r.freeBelow[c.parent] > 0 {
		return false
	}
	if c.crowd != 0 {
		if r.freeCrowd[c.crowd-1] > 0 {
			return false
		}
	} else if slices.ContainsFunc(c.Processes, func(pid int) bool { return r.free[pid] > 0 }) {
		return false
	}
	for _, tid := range c.Threads {
		if at, ok := r.g.byTID[tid]; ok && r.frees(at) {
			return false
		}
	}
	return true
}
