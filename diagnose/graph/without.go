package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// ending is what ends a wait at once when a process ends.
type ending uint8

// The endings.
const (
	goesOn       ending = iota
	processEnded        // its end was waited for
	endClosed           // it had the only other end of something
	lockReleased        // it held the only lock in the way
)

// Without is the graph as it would be if some processes ended: without their
// threads, their descriptors and their locks. It serves to ask who would be
// [Graph.Released]; it shares the rest with the graph it was made of.
func (g *Graph) Without(pids ...int) *Graph {
	w := *g
	w.gone = make(map[int]bool, len(pids))
	for _, pid := range pids {
		w.gone[pid] = true
	}
	w.held = map[heldKey]held{}
	return &w
}

// Resumed is the graph as it would be if some stopped processes went on.
func (g *Graph) Resumed(pids ...int) *Graph {
	w := *g
	w.resumed = pids
	return &w
}

// Relief is what an action does for others.
type Relief struct {
	Waits  []*model.Wait // that it ends, at once or because those who could end them go on
	Locks  bool          // … because locks are released
	Closes bool          // … because ends of pipes, sockets and terminals are closed
}

// maxPropagated bounds among how many waits it is followed who goes on because
// another one does.
const maxPropagated = 512

// Released tells which of some waits end in a graph without some processes, or with
// them resumed. A wait ends at once where all that is in its way ends with the
// process, and later where a thread that goes on can end it.
func (g *Graph) Released(waits []*model.Wait) Relief {
	var r Relief
	var rest []*model.Wait
	left := map[*model.Wait][]Clause{}
	for _, w := range waits {
		i, ok := g.byTID[w.TID]
		if !ok || g.gone[w.PID] {
			continue
		}
		clauses := g.clauses(nil, &g.nodes[i])
		if slices.ContainsFunc(clauses, func(c Clause) bool { return c.ended == goesOn }) {
			// One that merely waits for work needs no help.
			if !g.Work(w) || len(g.resumed) > 0 && g.OnlyHalted(w) {
				rest, left[w] = append(rest, w), clauses
			}
			continue
		}
		r.Waits = append(r.Waits, w)
		for i := range clauses {
			r.Locks = r.Locks || clauses[i].ended == lockReleased
			r.Closes = r.Closes || clauses[i].ended == endClosed
		}
	}
	tids, pids := map[int]bool{}, map[int]bool{}
	for _, pid := range g.resumed {
		pids[pid] = true
	}
	for _, w := range r.Waits {
		tids[w.TID], pids[w.PID] = true, true
	}
	for changed := len(pids) > 0 && len(rest) <= maxPropagated; changed; {
		changed = false
		rest = slices.DeleteFunc(rest, func(w *model.Wait) bool {
			for _, c := range left[w] {
				if c.ended == goesOn && !c.releasedBy(pids) && !slices.ContainsFunc(c.Threads, func(tid int) bool { return tids[tid] || slices.Contains(g.resumed, g.processOf(tid)) }) {
					return false
				}
			}
			tids[w.TID], pids[w.PID], changed = true, true, true
			r.Waits = append(r.Waits, w)
			return true
		})
	}
	return r
}

// releasedBy reports whether processes that go on release who waits.
func (c *Clause) releasedBy(goOn map[int]bool) bool {
	if c.every && len(c.Processes) > 0 {
		return !slices.ContainsFunc(c.Processes, func(pid int) bool { return !goOn[pid] })
	}
	return slices.ContainsFunc(c.Processes, func(pid int) bool { return goOn[pid] })
}

// processOf is the process of a thread; 0 if it is not known.
func (g *Graph) processOf(tid int) int {
	if i, ok := g.byTID[tid]; ok {
		return g.nodes[i].process.PID
	}
	return 0
}

// allGone reports whether all of some processes are taken out.
func (g *Graph) allGone(pids []int) bool {
	return len(g.gone) > 0 && len(pids) > 0 && !slices.ContainsFunc(pids, func(pid int) bool { return !g.gone[pid] })
}
