package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// Work reports whether a healthy thread may wait like this for work: for any of a set
// of objects, for events, at a terminal, at a futex that has no owner.
func (g *Graph) Work(w *model.Wait) bool {
	if g.childSignal(w) == alone || g.readsUnset(w) {
		return false
	}
	if w.Idle {
		return true
	}
	switch g.lockType(w) {
	case "cond", "barrier", "sem", "unknown":
		return true
	case "join":
		return false
	}
	switch w.Needs {
	case model.NeedsEvent, model.NeedsMessage, model.NeedsSignal, model.NeedsTime:
		return true
	}
	o := g.Object(w.Object)
	return w.Needs == model.NeedsData && o != nil && o.Kind == model.Pty
}

// Serves reports whether a thread waits for connections: in accept, or for a set that
// contains a listening socket.
func (g *Graph) Serves(w *model.Wait) bool {
	return w.Call == "accept" || w.Call == "accept4" || len(g.Listeners(w)) > 0
}

// Listeners returns the listening sockets at which a thread waits for a connection.
func (g *Graph) Listeners(w *model.Wait) []*model.Object {
	if w.Call != "accept" && w.Call != "accept4" && !g.Work(w) {
		return nil
	}
	var list []*model.Object
	for _, id := range append([]string{w.Object}, w.Objects...) {
		if o := g.Object(id); o != nil && Listening(o) && !slices.Contains(list, o) {
			list = append(list, o)
		}
	}
	return list
}

// Firm reports whether a particular process or thread withholds what a wait needs: a lock,
// space in a full buffer, the answer of a file system's server, the end of a child or thread.
func (g *Graph) Firm(w *model.Wait) bool {
	switch w.Needs {
	case model.NeedsLock, model.NeedsSpace, model.NeedsChild, model.NeedsAnswer:
		return !g.Work(w)
	case model.NeedsSignal:
		return g.childSignal(w) == alone
	}
	switch g.lockType(w) {
	case "join", "cond-notify":
		return true
	}
	return false
}

// keeps reports whether a process or thread withholds what a wait needs for as long as it lives
// and does not act: a lock, or space in a buffer. A child or thread whose end is awaited
// withholds nothing: it ends when it is told to.
func (g *Graph) keeps(w *model.Wait) bool {
	return g.Firm(w) && !g.ForChild(w) && g.lockType(w) != "join"
}

// idle reports whether threads that wait for each other are only idle. They are idle if
// all of them wait for work, or if all wait for data from the same object, as the users
// of a token pipe do. They are also idle if nobody withholds anything (see keeps) and
// either a signal handler of one of them may provide what the others wait for, or some
// of them wait for work and there is no work.
func (r *removal) idle(members []int) bool {
	g := r.g
	all := func(is func(*model.Wait) bool) bool {
		return !slices.ContainsFunc(members, func(i int) bool { return !is(g.nodes[i].wait) })
	}
	first := g.nodes[members[0]].wait.Object
	switch {
	case all(g.Work):
		return !r.takenInDifferentOrder(members)
	case all(func(w *model.Wait) bool { return !g.Firm(w) && w.Object == first && first != "" }):
		return true
	case !all(func(w *model.Wait) bool { return !g.keeps(w) }):
		return false
	}
	firm := !all(func(w *model.Wait) bool { return !g.Firm(w) })
	posters := r.posters(members)
	catching := CatchesNothing
	working := false
	for _, i := range members {
		n := &g.nodes[i]
		if n.own {
			continue
		}
		working = working || g.Work(n.wait)
		if g.childSignal(n.wait) == perhapsForEnd {
			return true // it waits for other signals, too, which may give it work
		}
		if firm && !posters[n.process.PID] && !g.handlerMayRelease(n) {
			continue // a handler does not end a child
		}
		c, _ := g.Catches(n.process)
		catching = max(catching, c)
	}
	if catching == CatchesSignals {
		return true
	}
	// These are workers and the processes that give them work. All is well unless there is
	// work that nobody takes.
	if !working || firm || r.undelivered(members) {
		return false
	}
	g.noWork = true
	return true
}

// posters returns the processes that can post a semaphore, or signal a condition, at which one
// of the threads waits. A signal handler of such a process may do so, whatever the process
// itself waits for.
func (r *removal) posters(members []int) map[int]bool {
	g := r.g
	pids, seen := map[int]bool{}, map[string]bool{}
	for _, i := range members {
		n := &g.nodes[i]
		if w := n.wait; n.own || g.lockType(w) == "" || !g.Work(w) || seen[w.Object] {
			continue
		}
		seen[n.wait.Object] = true
		for k := range n.clauses {
			for _, pid := range n.clauses[k].Processes {
				pids[pid] = true
			}
		}
	}
	return pids
}

// takenInDifferentOrder reports whether threads wait at several semaphores in memory without a name, so
// that no other process can map them and post one, and none of their processes catches a signal.
// This is the deadlock of two semaphores used as locks and taken in different orders.
func (r *removal) takenInDifferentOrder(members []int) bool {
	g := r.g
	first := g.nodes[members[0]].wait.Object
	several := false
	for _, i := range members {
		n := &g.nodes[i]
		if c, _ := g.Catches(n.process); c != CatchesNothing || !g.unnamedSem(n.wait) {
			return false
		}
		several = several || n.wait.Object != first
	}
	return several
}

// unnamedSem reports whether a thread waits at a semaphore in memory that processes
// share and that has no name by which others could map it.
func (g *Graph) unnamedSem(w *model.Wait) bool {
	if g.lockType(w) != "sem" {
		return false
	}
	memory := g.Object(g.Object(w.Object).Detail.(*model.FutexDetail).Object)
	return memory != nil && (memory.Deleted || memory.Kind == model.ShmAnon)
}

// NoWork reports whether threads were considered idle because no pipe contains work for them.
// A snapshot that leaves out the pipes at which nobody waits cannot answer that.
func (g *Graph) NoWork() bool { return g.noWork }

// undelivered reports whether a pipe contains data that only the processes of these threads
// could read, while none of the threads waits at it.
func (r *removal) undelivered(members []int) bool {
	g := r.g
	of := map[int]bool{}
	read := map[string]bool{}
	for _, i := range members {
		w := g.nodes[i].wait
		of[w.PID] = true
		read[w.Object] = true
		for _, id := range w.Objects {
			read[id] = true
		}
	}
	return slices.ContainsFunc(g.Marked(Filled), func(o *model.Object) bool {
		if read[o.ID] {
			return false
		}
		readers := 0
		for i := range o.Holders {
			if h := &o.Holders[i]; h.Access.CanRead() {
				if !of[int(h.PID)] {
					return false
				}
				readers++
			}
		}
		return readers > 0
	})
}
