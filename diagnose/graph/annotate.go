package graph

import (
	"cmp"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// maxClause is the largest number of threads of a clause that a wait lists. A clause can be
// large: a thread that waits for work at a private futex can be released by all others of its process.
const maxClause = 256

// maxBlockers is the largest number of blockers that a wait lists. If a thousand processes read
// from one pipe and can write to it, each could be released by all the others.
const maxBlockers = 100

// Annotate fills in, for each wait of the snapshot, who could release it.
func (g *Graph) Annotate() {
	for i := range g.Snapshot.Waits {
		w := &g.Snapshot.Waits[i]
		w.Blockers, w.MoreBlockers, w.Clauses, w.UnknownRelease = []model.Blocker{}, false, nil, false
		w.Idle = w.Idle && g.childSignal(w) != alone && !g.readsUnset(w)
		at, ok := g.byTID[w.TID]
		if !ok || g.nodes[at].wait != w {
			w.UnknownRelease = true
			continue
		}
		n := &g.nodes[at]
		clauses := n.clauses
		if !n.blocked {
			clauses = g.clauses(nil, n)
		}
		for k := range clauses {
			g.annotate(n, w, &clauses[k])
		}
		sortBlockers(w)
	}
}

func (g *Graph) annotate(n *node, w *model.Wait, c *Clause) {
	if c.Level != Proven {
		w.UnknownRelease = true
	}
	var tids []int
	for _, pid := range c.Processes {
		if len(tids) > maxClause && w.MoreBlockers {
			break // both lists are too long already: nothing more is added
		}
		own := 0
		for _, i := range g.members[pid] {
			if m := &g.nodes[i]; m.tid != 0 && m.tid != w.TID {
				tids = append(tids, m.tid)
				own++
			}
		}
		p := g.Processes[pid]
		// Children that have inherited a lock could release it, but they did not take it.
		inherited := c.maker != 0 && pid != c.maker
		if own > 0 && p != nil && !inherited && !g.privateWork(w) {
			addBlocker(w, model.Blocker{PID: pid, Comm: p.Name(), Confidence: c.releaseConfidence(), Why: c.How})
		}
	}
	for _, tid := range c.Threads {
		m := &g.nodes[g.byTID[tid]]
		tids = append(tids, tid)
		addBlocker(w, model.Blocker{PID: m.process.PID, TID: tid, Comm: m.process.Name(), Confidence: c.releaseConfidence(), Why: c.How})
	}
	if c.Level != External && len(tids) <= maxClause && !g.privateWork(w) {
		slices.Sort(tids)
		w.Clauses = append(w.Clauses, append([]int{}, slices.Compact(tids)...))
	}
}

// releaseConfidence returns the confidence that the clause's threads could release the wait.
func (c *Clause) releaseConfidence() model.Confidence {
	if c.Level >= Unreadable && c.Confidence == model.Certain {
		return model.Likely
	}
	return c.Confidence
}

// privateWork reports whether a thread waits for work from other threads of its process.
func (g *Graph) privateWork(w *model.Wait) bool {
	return g.privateWord(w) && g.Work(w)
}

// addBlocker lists a blocker once, if there is room.
func addBlocker(w *model.Wait, b model.Blocker) {
	switch {
	case slices.ContainsFunc(w.Blockers, func(o model.Blocker) bool { return o.PID == b.PID && o.TID == b.TID }):
	case len(w.Blockers) >= maxBlockers:
		w.MoreBlockers = true
	default:
		w.Blockers = append(w.Blockers, b)
	}
}

func sortBlockers(w *model.Wait) {
	slices.SortFunc(w.Blockers, func(a, b model.Blocker) int { return cmp.Or(a.PID-b.PID, a.TID-b.TID) })
}
