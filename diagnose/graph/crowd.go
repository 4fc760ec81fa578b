package graph

import "slices"

// Where many processes share an object, as a pipe that a thousand inherited, each of their
// waits can be released by all of them. A list for each wait, gone through again and again, would
// take the square of their number: waits of whom the same processes are named share one.

// crowd is a set of processes that clauses have in common.
type crowd struct{ pids []int }

// crowdKey tells most sets apart.
type crowdKey struct{ n, first, last int }

// gather lets the clauses of all nodes share their sets of processes.
func (g *Graph) gather() {
	known := map[crowdKey][]int{}
	g.crowdsOf = map[int][]int{}
	for i := range g.nodes {
		for k := range g.nodes[i].clauses {
			c := &g.nodes[i].clauses[k]
			n := len(c.Processes)
			if n < 2 {
				continue
			}
			key := crowdKey{n, c.Processes[0], c.Processes[n-1]}
			at := slices.IndexFunc(known[key], func(at int) bool { return slices.Equal(g.crowds[at].pids, c.Processes) })
			if at >= 0 {
				at = known[key][at]
			} else {
				at = len(g.crowds)
				g.crowds, known[key] = append(g.crowds, crowd{c.Processes}), append(known[key], at)
				for _, pid := range c.Processes {
					g.crowdsOf[pid] = append(g.crowdsOf[pid], at)
				}
			}
			c.Processes, c.crowd = g.crowds[at].pids, at+1
		}
	}
}
