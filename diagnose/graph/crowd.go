package graph

import "slices"

// Where many processes share an object, as a pipe that a thousand inherited, each of their
// waits can be released by all of them. A list for each wait, gone through again and again, would
// take the square of their number: waits of whom the same processes are named share one.

// crowd is a set of processes that clauses have in common.
type crowd struct {
	pids   []int
	ranked bool
	worst  [2]*node // who stands for it, and who for it without that one's process
}

// crowdKey tells most sets apart.
type crowdKey struct{ n, first, last int }

// gather lets the clauses of all nodes share their sets of processes.
func (g *Graph) gather() {
	known := map[crowdKey][]int{}
	for i := range g.nodes {
		for k := range g.nodes[i].clauses {
			c := &g.nodes[i].clauses[k]
			n := len(c.Processes)
			if n < 2 {
				continue
			}
			key := crowdKey{n, c.Processes[0], c.Processes[n-1]}
			at := slices.IndexFunc(known[key], func(at int) bool { return same(g.crowds[at].pids, c.Processes) })
			if at >= 0 {
				at = known[key][at]
			} else {
				at = len(g.crowds)
				g.crowds, known[key] = append(g.crowds, crowd{pids: c.Processes}), append(known[key], at)
				for _, pid := range c.Processes {
					g.crowdsOf[pid] = append(g.crowdsOf[pid], at)
				}
			}
			c.Processes, c.crowd = g.crowds[at].pids, at+1
		}
	}
}

// same reports whether two sets that are not empty are equal; most that are have one list.
func same(a, b []int) bool { return &a[0] == &b[0] && len(a) == len(b) || slices.Equal(a, b) }

// worstOf is the thread that stands for a crowd for one who waits for it; nil if no
// other process does.
func (g *Graph) worstOf(at int, n *node) *node {
	c := &g.crowds[at]
	if !c.ranked {
		c.ranked = true
		for _, pid := range c.pids {
			switch m := g.face(pid, nil); {
			case m == nil:
			case c.worst[0] == nil || g.compareTrouble(m, c.worst[0]) < 0:
				c.worst[0], c.worst[1] = m, c.worst[0]
			case c.worst[1] == nil || g.compareTrouble(m, c.worst[1]) < 0:
				c.worst[1] = m
			}
		}
	}
	if m := c.worst[0]; m == nil || m.process != n.process {
		return m
	}
	return c.worst[1]
}
