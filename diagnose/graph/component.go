package graph

import (
	"cmp"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// Deadlock is a set of threads that wait for each other and for nobody else.
type Deadlock struct {
	Confidence model.Confidence
	LoweredBy  []string
	Members    []int         // tids; the first ones each wait for the next
	Waits      []*model.Wait // of the members, in the same order
	Circle     int           // how many of them make a circle; the others are in further ones
	Victims    []*model.Wait // waits for a member, which can never end either
}

// Deadlocks returns the deadlocks, the most certain first. A thread that is in a deadlock
// is not reported again with less confidence. The result is cached.
func (g *Graph) Deadlocks() []Deadlock {
	if !g.searched {
		g.searched, g.deadlocks, g.deadlocked = true, g.search(), map[*model.Wait]bool{}
		for i := range g.deadlocks {
			for _, w := range slices.Concat(g.deadlocks[i].Waits, g.deadlocks[i].Victims) {
				g.deadlocked[w] = true
			}
		}
	}
	return g.deadlocks
}

// Deadlocked reports whether a wait is part of a deadlock, or behind one.
func (g *Graph) Deadlocked(w *model.Wait) bool {
	g.Deadlocks()
	return g.deadlocked[w]
}

func (g *Graph) search() []Deadlock {
	var list []Deadlock
	taken := map[int]bool{}
	for _, level := range []Level{Proven, Unlikely, Unreadable, Incomplete} {
		r := g.removed(level)
		for _, members := range r.components() {
			if slices.ContainsFunc(members, func(i int) bool { return taken[i] }) || r.idle(members) {
				continue
			}
			for _, i := range members {
				taken[i] = true
			}
			list = append(list, r.deadlock(members))
		}
	}
	return list
}

// successors calls back with what a dead thread waits for, in those of its clauses
// whose threads are all dead. A process stands for all its threads, and a crowd for its processes.
// If crowd is nil, process is called for each process of the crowd.
func (r *removal) successors(i int, crowd, process, thread func(int)) {
	for k := range r.g.nodes[i].clauses {
		c := &r.g.nodes[i].clauses[k]
		if !r.holds(c) {
			continue
		}
		if c.crowd != 0 && crowd != nil {
			crowd(c.crowd - 1)
		} else {
			for _, pid := range c.Processes {
				process(pid)
			}
		}
		for _, tid := range c.Threads {
			if at, ok := r.g.byTID[tid]; ok && r.dead[at] {
				thread(at)
			}
		}
	}
}

// components returns the strongly connected components of at least two threads, by
// Tarjan's algorithm. A process is a vertex of its own with an edge to each of its threads:
// otherwise n threads would make n² edges. The same holds for a crowd.
func (r *removal) components() [][]int {
	t := tarjan{index: map[int]int{}, low: map[int]int{}, on: map[int]bool{}}
	n, crowds := len(r.g.nodes), len(r.g.crowds)
	var pids []int // of the process vertices, which come after the nodes and the crowds
	places := map[int]int{}
	vertex := func(pid int) int {
		at, ok := places[pid]
		if !ok {
			at = n + crowds + len(pids)
			pids, places[pid] = append(pids, pid), at
		}
		return at
	}
	next := func(v int) (list []int) {
		switch {
		case v >= n+crowds:
			for _, at := range r.g.members[pids[v-n-crowds]] {
				if r.dead[at] {
					list = append(list, at)
				}
			}
			return list
		case v >= n:
			for _, pid := range r.g.crowds[v-n].pids {
				list = append(list, vertex(pid))
			}
			return list
		}
		r.successors(v, func(at int) { list = append(list, n+at) }, func(pid int) { list = append(list, vertex(pid)) }, func(at int) { list = append(list, at) })
		return list
	}
	var found [][]int
	for i := range r.g.nodes {
		if !r.dead[i] {
			continue
		}
		t.visit(i, next, func(component []int) {
			component = slices.DeleteFunc(component, func(v int) bool { return v >= n })
			if len(component) > 1 {
				slices.Sort(component)
				found = append(found, component)
			}
		})
	}
	return found
}

// tarjan finds strongly connected components.
type tarjan struct {
	index, low map[int]int
	on         map[int]bool
	stack      []int
}

// frame is a vertex whose successors are being visited.
type frame struct {
	vertex int
	rest   []int
}

// visit finds the components that can be reached from v and were not visited before. It
// does not recurse, because a chain of waits may be long.
func (t *tarjan) visit(v int, next func(int) []int, found func([]int)) {
	if _, seen := t.index[v]; seen {
		return
	}
	var frames []frame
	enter := func(v int) {
		t.index[v] = len(t.index)
		t.low[v] = t.index[v]
		t.stack, t.on[v] = append(t.stack, v), true
		frames = append(frames, frame{v, next(v)})
	}
	for enter(v); len(frames) > 0; {
		f := &frames[len(frames)-1]
		if len(f.rest) > 0 {
			w := f.rest[0]
			f.rest = f.rest[1:]
			if _, seen := t.index[w]; !seen {
				enter(w)
			} else if t.on[w] {
				t.low[f.vertex] = min(t.low[f.vertex], t.index[w])
			}
			continue
		}
		v := f.vertex
		frames = frames[:len(frames)-1]
		if len(frames) > 0 {
			up := frames[len(frames)-1].vertex
			t.low[up] = min(t.low[up], t.low[v])
		}
		if t.low[v] != t.index[v] {
			continue
		}
		at := slices.Index(t.stack, v)
		component := slices.Clone(t.stack[at:])
		t.stack = t.stack[:at]
		for _, w := range component {
			t.on[w] = false
		}
		found(component)
	}
}

// deadlock describes a component.
func (r *removal) deadlock(members []int) Deadlock {
	g := r.g
	d := Deadlock{Confidence: r.level.confidence()}
	members, d.Circle = r.round(members)
	for _, i := range members {
		n := &g.nodes[i]
		d.Members = append(d.Members, n.tid)
		d.Waits = append(d.Waits, n.wait)
		if r.level > Proven && !n.settled {
			d.LoweredBy = append(d.LoweredBy, n.process.String()+" has not waited for longer than the scan took")
		}
		for k := range n.clauses {
			if c := &n.clauses[k]; r.holds(c) {
				d.LoweredBy = append(d.LoweredBy, c.Reasons...)
				d.LoweredBy = append(d.LoweredBy, r.ignored(c)...)
			}
		}
	}
	slices.Sort(d.LoweredBy)
	d.LoweredBy = slices.Compact(d.LoweredBy)
	d.Victims = r.victims(members)
	return d
}

// ignored says which threads could fulfil a clause but were ignored.
func (r *removal) ignored(c *Clause) (list []string) {
	for _, pid := range c.Processes {
		for _, i := range r.g.members[pid] {
			switch n := &r.g.nodes[i]; {
			case r.dead[i]:
			case n.unread != "":
				list = append(list, "what "+n.process.String()+" does could not be read")
			case n.housekeeps:
				list = append(list, "housekeeping threads of the "+runtimeName(n.process.Runtime)+" in "+n.process.String()+" were ignored")
			}
		}
	}
	return list
}

// round orders the members so that each waits for the next. It takes a shortest cycle
// through the firmest wait (see rank), of several the longest one. Members that are not on
// this cycle come last; n is the length of the cycle.
func (r *removal) round(members []int) (order []int, n int) {
	first := slices.MinFunc(members, func(a, b int) int {
		x, y := &r.g.nodes[a], &r.g.nodes[b]
		return cmp.Or(cmp.Compare(rank(r.g, x.wait), rank(r.g, y.wait)), cmp.Compare(y.wait.BlockedFor.Or(0), x.wait.BlockedFor.Or(0)), a-b)
	})
	in := map[int]bool{}
	for _, i := range members {
		in[i] = true
	}
	// Breadth-first search from the first member until it is reached again.
	from := map[int]int{}
	queue := []int{first}
	last := -1
	for len(queue) > 0 && last < 0 {
		i := queue[0]
		queue = queue[1:]
		step := func(at int) {
			if !in[at] || at == i {
				return
			}
			if at == first {
				if last < 0 {
					last = i
				}
				return
			}
			if _, seen := from[at]; !seen {
				from[at] = i
				queue = append(queue, at)
			}
		}
		var next []int
		r.successors(i, nil, func(pid int) { next = append(next, r.g.members[pid]...) }, func(at int) { next = append(next, at) })
		slices.SortStableFunc(next, func(a, b int) int { return rank(r.g, r.g.nodes[a].wait) - rank(r.g, r.g.nodes[b].wait) })
		for _, at := range next {
			step(at)
		}
	}
	var way []int
	for i := last; i >= 0 && i != first; i = from[i] {
		way = append(way, i)
	}
	slices.Reverse(way)
	way = append([]int{first}, way...)
	n = len(way)
	for _, i := range members {
		if !slices.Contains(way, i) {
			way = append(way, i)
		}
	}
	return way, n
}

// rank orders waits by how much they explain: locks and buffer space first, then data, then
// the waits of idle threads.
func rank(g *Graph, w *model.Wait) int {
	switch {
	case w == nil:
		return 3
	case g.Firm(w):
		return 0
	case !g.Work(w):
		return 1
	}
	return 2
}

// victims returns the waits of the dead threads that wait for a member, directly or indirectly.
func (r *removal) victims(members []int) []*model.Wait {
	stuck := make([]bool, len(r.g.nodes))
	processes := map[int]bool{} // with a stuck thread
	crowds := make([]bool, len(r.g.crowds))
	mark := func(i int) {
		pid := r.g.nodes[i].process.PID
		stuck[i], processes[pid] = true, true
		for _, at := range r.g.crowdsOf[pid] {
			crowds[at] = true
		}
	}
	for _, i := range members {
		mark(i)
	}
	var list []*model.Wait
	for changed := true; changed; {
		changed = false
		for i := range r.g.nodes {
			if !r.dead[i] || stuck[i] {
				continue
			}
			hit := false
			r.successors(i, func(at int) { hit = hit || crowds[at] }, func(pid int) { hit = hit || processes[pid] }, func(at int) { hit = hit || stuck[at] })
			if hit {
				mark(i)
				list, changed = append(list, r.g.nodes[i].wait), true
			}
		}
	}
	return list
}
