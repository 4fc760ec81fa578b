package graph

import (
	"cmp"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// Step is one thread of a chain and what it waits for.
type Step struct {
	Wait   *model.Wait
	Clause *Clause
}

// Chain leads from a blocked thread to the root cause of its wait.
type Chain struct {
	Steps []Step
	End   End
	// Cycle is the index of the step for which the last step waits, if the chain is a
	// cycle; else -1.
	Cycle int
}

// Chain follows a wait to its root cause: from each thread to one that could
// release it; if there are several, to the one that is most certainly kept from
// acting. Waits that are not confirmed are followed, too.
func (g *Graph) Chain(w *model.Wait) Chain {
	c := Chain{Cycle: -1}
	at := map[int]int{} // by tid: index in Steps
	for {
		i, ok := g.byTID[w.TID]
		if !ok || g.nodes[i].wait != w {
			c.End = End{Kind: Unseen, Doing: "could not be followed"}
			return c
		}
		n := &g.nodes[i]
		clauses := n.clauses
		if clauses == nil {
			clauses = g.clauses(nil, n)
		}
		at[w.TID] = len(c.Steps)
		clause, next, nobody := g.worst(n, clauses)
		c.Steps = append(c.Steps, Step{Wait: w, Clause: clause})
		if nobody {
			c.End = g.nobody(n, clause)
			return c
		}
		if place, met := at[next.tid]; met && next.wait != nil {
			c.Cycle = place
			c.End = End{Kind: Stuck, Process: next.process, TID: next.tid, Doing: "is stuck itself"}
			return c
		}
		// A thread in a deadlock is not idle, even if it waits in the way that idle threads do.
		if end, ends := g.ends(next); ends && (end.Kind != Idle || !g.Deadlocked(next.wait)) {
			c.End = end
			return c
		}
		w = next.wait
	}
}

// worst returns the clause that is least likely to be fulfilled, and the thread of it with
// which the chain continues. Clauses without a free thread come first. nobody is true if
// the clause has no thread to continue with.
func (g *Graph) worst(n *node, clauses []Clause) (clause *Clause, next *node, nobody bool) {
	best := -1
	for k := range clauses {
		m := g.representative(n, &clauses[k])
		rank := 3
		switch {
		case m == nil && clauses[k].Level != External:
			rank = 0
		case m == nil:
			rank = 4
		case m.blocked:
			rank = 1
		}
		if best < 0 || rank < best {
			best, clause, next = rank, &clauses[k], m
		}
	}
	return clause, next, next == nil
}

// representative returns the thread that stands for all threads of a clause: the one that
// is most certainly kept from acting. Threads of the waiting process itself come last.
func (g *Graph) representative(n *node, c *Clause) *node {
	if c.crowd != 0 && len(c.Threads) == 0 {
		if m := g.worstInCrowd(c.crowd-1, n); m != nil {
			return m
		}
	}
	var list []*node
	for _, tid := range c.Threads {
		if i, ok := g.byTID[tid]; ok {
			list = append(list, &g.nodes[i])
		}
	}
	for _, pid := range c.Processes {
		if m := g.mostTelling(pid, n); m != nil {
			list = append(list, m)
		}
	}
	if len(list) == 0 {
		return nil
	}
	own := func(m *node) int {
		if m.process == n.process {
			return 1
		}
		return 0
	}
	return slices.MinFunc(list, func(a, b *node) int {
		return cmp.Or(own(a)-own(b), g.compareTrouble(a, b))
	})
}

// compareTrouble orders threads of several processes by how certainly they are kept from
// acting.
func (g *Graph) compareTrouble(a, b *node) int {
	return cmp.Or(g.trouble(a)-g.trouble(b), a.process.PID-b.process.PID)
}

// mostTelling returns the thread that represents a process: a running one if there is one,
// else the one whose wait explains most. The thread n is ignored.
func (g *Graph) mostTelling(pid int, n *node) *node {
	var best *node
	for _, i := range g.members[pid] {
		m := &g.nodes[i]
		if m == n {
			continue
		}
		if best == nil || g.explanationRank(m) < g.explanationRank(best) {
			best = m
		}
	}
	return best
}

// explanationRank ranks a thread by how much it explains about its process; lower explains more.
func (g *Graph) explanationRank(m *node) int {
	switch {
	case m.state == "R" && m.wait == nil:
		return 0
	case m.wait == nil && m.unread == "":
		return 1
	case m.wait == nil:
		return 6
	case g.Firm(m.wait):
		return 2
	case !g.Work(m.wait):
		return 3
	case m.tid == m.process.PID:
		return 4
	}
	return 5
}

// trouble ranks threads that could all release a wait: a thread that something keeps from
// acting comes before one that merely does not act.
func (g *Graph) trouble(m *node) int {
	switch {
	case halted(m):
		return 0
	case m.wait != nil && g.Firm(m.wait):
		return 1
	case m.wait != nil && !g.Work(m.wait):
		return 2
	case m.wait == nil:
		return 3
	}
	return 4
}

// Halts reports whether any thread is halted: stopped, traced, frozen or dumping core.
func (g *Graph) Halts() bool {
	for i := range g.nodes {
		if halted(&g.nodes[i]) {
			return true
		}
	}
	return false
}

// halted reports whether a thread is stopped, traced, frozen or dumping core, so that it cannot run.
func halted(m *node) bool {
	return stopped(m.state) || m.process.Frozen || m.process.CoreDump
}

// Doing says what a process does, judged by the thread that explains most about it.
func (g *Graph) Doing(pid int) End {
	p := g.Processes[pid]
	if p == nil {
		return End{Kind: Unseen, Doing: "is not shown"}
	}
	m := g.mostTelling(pid, nil)
	if m == nil {
		return End{Kind: Gone, Process: p, TID: pid, Doing: "has ended"}
	}
	if end, ok := g.ends(m); ok {
		return end
	}
	return End{Kind: Stuck, Process: p, TID: m.tid, Doing: g.Wants(m.wait)}
}

// Clauses are what must happen before a wait ends.
func (g *Graph) Clauses(w *model.Wait) []Clause {
	i, ok := g.byTID[w.TID]
	if !ok || g.nodes[i].wait != w {
		return nil
	}
	if n := &g.nodes[i]; n.clauses == nil {
		return g.clauses(nil, n)
	}
	return g.nodes[i].clauses
}

// BlockedBy reports whether a process could release a wait, even if the wait does not list
// it among its blockers.
func (g *Graph) BlockedBy(w *model.Wait, pid int) bool {
	if slices.ContainsFunc(w.Blockers, func(b model.Blocker) bool { return b.PID == pid }) {
		return true
	}
	clauses := []Clause(nil)
	if w.MoreBlockers {
		clauses = g.Clauses(w)
	}
	return slices.ContainsFunc(clauses, func(c Clause) bool { return slices.Contains(g.Releasers(&c, w), pid) })
}

// Releasers returns the processes that could fulfil a clause of a wait. The waiting process
// is one of them only if it has another thread.
func (g *Graph) Releasers(c *Clause, w *model.Wait) []int {
	var pids []int
	for _, pid := range c.Processes {
		for _, i := range g.members[pid] {
			if g.nodes[i].tid != w.TID {
				pids = append(pids, pid)
				break
			}
		}
	}
	for _, tid := range c.Threads {
		if i, ok := g.byTID[tid]; ok && !slices.Contains(pids, g.nodes[i].process.PID) {
			pids = append(pids, g.nodes[i].process.PID)
		}
	}
	slices.Sort(pids)
	return pids
}
