package graph

// removal is one elimination under way: who is dead if what a
// level stands for is assumed.
type removal struct {
	g        *Graph
	level    Level
	dead     []bool        // by node
	free     map[int]int   // by process: threads that may run
	watchers map[int][]int // by process: dead nodes with a clause on it
	waiters  map[int][]int // by node: dead nodes with a clause on it
}

// eliminate reports for each thread whether it can never go on, if what the level
// stands for is assumed. From [Unlikely] on, processes that could not be read release
// nothing, nor do a runtime's housekeeping threads.
func (g *Graph) eliminate(level Level) []bool {
	r := removal{g: g, level: level, dead: make([]bool, len(g.nodes)), free: map[int]int{}, watchers: map[int][]int{}, waiters: map[int][]int{}}
	for i := range g.nodes {
		n := &g.nodes[i]
		r.dead[i] = n.blocked && (level > Proven || n.settled) && !n.housekeeps
		if r.frees(i) {
			r.free[n.process.PID]++
		}
	}
	for i := range g.nodes {
		if !r.dead[i] {
			continue
		}
		for k := range g.nodes[i].clauses {
			c := &g.nodes[i].clauses[k]
			for _, pid := range c.Processes {
				r.watchers[pid] = append(r.watchers[pid], i)
			}
			if c.starter != 0 {
				r.watchers[c.starter] = append(r.watchers[c.starter], i)
			}
			for _, tid := range c.Threads {
				if at, ok := g.byTID[tid]; ok {
					r.waiters[at] = append(r.waiters[at], i)
				}
			}
		}
	}
	var queue []int
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
		pid := g.nodes[i].process.PID
		r.free[pid]++
		queue = append(append(queue, r.watchers[pid]...), r.waiters[i]...)
	}
	return r.dead
}

// frees reports whether a thread counts as one that may run and release others.
func (r *removal) frees(i int) bool {
	n := &r.g.nodes[i]
	if r.dead[i] {
		return false
	}
	return r.level == Proven || !n.housekeeps && !n.unreadable
}

// released reports whether every clause of a thread may come true.
func (r *removal) released(i int) bool {
	for k := range r.g.nodes[i].clauses {
		if r.holds(&r.g.nodes[i].clauses[k]) {
			return false
		}
	}
	return true
}

// holds reports whether a clause lies wholly among the dead.
func (r *removal) holds(c *Clause) bool {
	if c.Level > r.level || c.starter != 0 && r.free[c.starter] > 0 {
		return false
	}
	for _, pid := range c.Processes {
		if r.free[pid] > 0 {
			return false
		}
	}
	for _, tid := range c.Threads {
		if at, ok := r.g.byTID[tid]; ok && r.frees(at) {
			return false
		}
	}
	return true
}
