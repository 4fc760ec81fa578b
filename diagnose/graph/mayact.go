package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// MayAct says who or what may end a wait that is not stuck for good: the nearest thread that can act,
// or why a thread on the way to it may continue; "" if the wait is stuck.
func (g *Graph) MayAct(w *model.Wait) string {
	i, ok := g.byTID[w.TID]
	r := g.removed(Incomplete)
	if !ok || g.nodes[i].wait != w || r.dead[i] {
		return ""
	}
	if !g.nodes[i].blocked {
		return g.Name(w.PID) + " may have gone on since"
	}
	seen := map[int]bool{i: true}
	for queue := []int{i}; len(queue) > 0; queue = queue[1:] {
		n := &g.nodes[queue[0]]
		because := ""
		for k := range n.clauses {
			c := &n.clauses[k]
			if because == "" && c.Level == External {
				because = c.ReasonsFrom(External)[0]
			}
			for _, at := range g.threadsOf(c) {
				m := &g.nodes[at]
				if !r.frees(at) || seen[at] {
					continue
				}
				seen[at] = true
				if end, ends := g.ends(m); ends {
					return g.Name(m.process.PID) + " may act: it " + end.Doing
				}
				queue = append(queue, at)
			}
		}
		if because != "" {
			return g.Name(n.process.PID) + " may go on: " + because
		}
	}
	return "one of those named may act"
}

// threadsOf returns the indexes in nodes of the threads that a clause names.
func (g *Graph) threadsOf(c *Clause) []int {
	var list []int
	for _, pid := range c.Processes {
		list = append(list, g.members[pid]...)
	}
	for _, tid := range c.Threads {
		if at, ok := g.byTID[tid]; ok && !slices.Contains(list, at) {
			list = append(list, at)
		}
	}
	return list
}
