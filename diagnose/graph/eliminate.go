package graph

import "slices"

// removal is one elimination: the threads that are dead under the assumptions of a level.
type removal struct {
	g     *Graph
	level Level
	halts bool   // halted threads are dead, too, and unknown causes release nobody
	dead  []bool // by node
	ways  []way  // by node, if halts: the way to a halted thread

	free      map[int]int // by process: threads that may run
	freeCrowd []int       // by crowd: processes with such
	freeBelow map[int]int // by process: threads of its children that may
}

// scratch is memory that eliminations reuse.
type scratch struct {
	removals [External]*removal // of graphs before

	watchers map[int][]int // by process: dead nodes with a clause on it
	parents  map[int][]int // by process: dead nodes whose wait is interrupted when a child of the process ends
	waiters  map[int][]int // by node: dead nodes with a clause on it
	queue    []int
}

// keep takes over the memory of removals that are no longer needed.
func (s *scratch) keep(list *[External]*removal) {
	for level, r := range list {
		if r != nil {
			r.g = nil
			s.removals[level] = r
		}
	}
}

// begin returns a removal in which no thread is dead yet.
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

// zeroed returns a list of n zeros. It reuses the memory of the given list if that is large enough.
func zeroed[T any](list []T, n int) []T {
	list = slices.Grow(list[:0], n)[:n]
	clear(list)
	return list
}

// count counts a thread as free, and calls first for each crowd in which its process is the
// first one with a free thread.
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

// eliminate finds the threads that can never run again under the assumptions of the
// level. From [Unlikely] on, processes that could not be read and the housekeeping
// threads of a runtime release nobody.
func (g *Graph) eliminate(level Level) *removal {
	r := g.scratch.begin(g, level)
	r.run()
	return r
}

// run frees dead threads until no dead thread can be released any more.
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

// released reports whether every clause of a thread may be fulfilled.
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

// holds reports whether a clause can never be fulfilled at this level: all its threads are dead.
func (r *removal) holds(c *Clause) bool { return c.Level <= r.level && r.among(c) }

// among reports whether all threads that a clause names are dead.
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
