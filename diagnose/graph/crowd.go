package graph

import "slices"

// If many processes share an object, such as a pipe that a thousand processes inherited, each of
// their waits can be released by all of them. With a list for each wait, time and memory would be
// quadratic. So clauses that name the same processes share one list, a crowd.

// crowd is a set of processes that clauses have in common.
type crowd struct {
	pids   []int
	ranked bool
	worst  [2]*node // the thread that stands for it, and the one that does so for waiters of the first one's process
}

// crowdKey distinguishes most sets.
type crowdKey struct{ n, first, last int }

// shareCrowds lets the clauses of all nodes share their sets of processes.
func (g *Graph) shareCrowds() {
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

// same reports whether two sets, neither of them empty, are equal. Equal sets mostly are the same list.
func same(a, b []int) bool { return &a[0] == &b[0] && len(a) == len(b) || slices.Equal(a, b) }

// worstInCrowd returns the thread that stands for a crowd in the chain of n, which waits for it. It is
// not of n's own process; nil if the crowd has no thread of another process.
func (g *Graph) worstInCrowd(at int, n *node) *node {
	c := &g.crowds[at]
	if !c.ranked {
		c.ranked = true
		for _, pid := range c.pids {
			switch m := g.mostTelling(pid, nil); {
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
