package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// ending says why a wait ends at once when a process ends.
type ending uint8

// The endings.
const (
	goesOn       ending = iota // the wait does not end
	processEnded               // the end of the process was awaited
	endClosed                  // the process held the only other end
	lockReleased               // the process held the only conflicting lock
)

// Without returns the graph as it would be if some processes ended: without their
// threads, their descriptors and their locks. It is only for [Graph.Released]; it
// shares the rest with the original graph.
func (g *Graph) Without(pids ...int) *Graph {
	w := *g
	w.gone = make(map[int]bool, len(pids))
	for _, pid := range pids {
		w.gone[pid] = true
	}
	w.held = map[heldKey]held{}
	return &w
}

// Resumed returns the graph as it would be if some stopped processes resumed.
func (g *Graph) Resumed(pids ...int) *Graph {
	w := *g
	w.resumed = pids
	return &w
}

// Relief says which waits an action ends, and how.
type Relief struct {
	Waits  []*model.Wait // that end, at once or because a thread that could end them continues
	Locks  bool          // … because locks are released
	Closes bool          // … because ends of pipes, sockets and terminals are closed
}

// maxPropagated is the largest number of waits among which indirect effects are followed:
// a thread that continues may release further threads.
const maxPropagated = 512

// Released returns which of the waits end, in a graph made by [Graph.Without] or
// [Graph.Resumed]. A wait ends at once if each of its clauses is fulfilled by the end of the
// processes, and later if a thread that continues can end it.
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
			// A thread that only waits for work needs no help.
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
	reported := len(rest)
	if len(g.resumed) > 0 && reported <= maxPropagated {
		rest = g.withHolders(rest, left, pids)
	}
	helps := make(map[*model.Wait]bool, len(rest)-reported)
	for _, w := range rest[reported:] {
		helps[w] = true
	}
	for changed := len(pids) > 0 && reported <= maxPropagated; changed; {
		changed = false
		rest = slices.DeleteFunc(rest, func(w *model.Wait) bool {
			for _, c := range left[w] {
				if c.ended == goesOn && !c.releasedBy(pids) && !slices.ContainsFunc(c.Threads, func(tid int) bool { return tids[tid] || slices.Contains(g.resumed, g.processOf(tid)) }) {
					return false
				}
			}
			tids[w.TID], pids[w.PID], changed = true, true, true
			if !helps[w] {
				r.Waits = append(r.Waits, w)
			}
			return true
		})
	}
	return r
}

// maxHolders bounds how many holders of locks are followed that wait for one that is resumed.
const maxHolders = 64

// withHolders adds the waits of the other holders of a lock to those that do not end at once: if a
// command under flock(1) is stopped, flock waits for it. A holder that nothing keeps from running
// continues anyway.
func (g *Graph) withHolders(rest []*model.Wait, left map[*model.Wait][]Clause, goOn map[int]bool) []*model.Wait {
	limit := len(rest) + maxHolders
	for i := 0; i < len(rest); i++ {
		for _, c := range left[rest[i]] {
			if !c.every {
				continue
			}
			for _, pid := range c.Processes {
				n := g.mostTelling(pid, nil)
				switch {
				case n == nil || goOn[pid] || halted(n):
				case !n.blocked || n.wait.Needs == model.NeedsTime:
					goOn[pid] = true
				case len(rest) < limit && left[n.wait] == nil:
					rest, left[n.wait] = append(rest, n.wait), g.clauses(nil, n)
				}
			}
		}
	}
	return rest
}

// releasedBy reports whether processes that continue fulfil the clause.
func (c *Clause) releasedBy(goOn map[int]bool) bool {
	if c.every && len(c.Processes) > 0 {
		return !slices.ContainsFunc(c.Processes, func(pid int) bool { return !goOn[pid] })
	}
	return slices.ContainsFunc(c.Processes, func(pid int) bool { return goOn[pid] })
}

// processOf returns the process of a thread; 0 if it is not known.
func (g *Graph) processOf(tid int) int {
	if i, ok := g.byTID[tid]; ok {
		return g.nodes[i].process.PID
	}
	return 0
}

// allGone reports whether all of some processes are assumed to have ended.
func (g *Graph) allGone(pids []int) bool {
	return len(g.gone) > 0 && len(pids) > 0 && !slices.ContainsFunc(pids, func(pid int) bool { return !g.gone[pid] })
}
