package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// Work reports whether a wait is one in which threads that are well wait for work:
// for any of a set, for events, at a terminal, at a futex that has no owner.
func (g *Graph) Work(w *model.Wait) bool {
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
	o := g.Objects[w.Object]
	return w.Needs == model.NeedsData && o != nil && o.Kind == model.Pty
}

// Serves reports whether a wait is one for a connection: accept, or a set in which
// there is a listening socket.
func (g *Graph) Serves(w *model.Wait) bool {
	return w.Call == "accept" || w.Call == "accept4" || len(g.Listeners(w)) > 0
}

// Listeners are the listening sockets at which a wait is for a connection.
func (g *Graph) Listeners(w *model.Wait) []*model.Object {
	if w.Call != "accept" && w.Call != "accept4" && !g.Work(w) {
		return nil
	}
	var list []*model.Object
	for _, id := range append([]string{w.Object}, w.Objects...) {
		if o := g.Objects[id]; o != nil && Listening(o) && !slices.Contains(list, o) {
			list = append(list, o)
		}
	}
	return list
}

// Firm reports whether somebody has what a wait needs and keeps it: a lock, the
// room in a full buffer, a child that does not end.
func (g *Graph) Firm(w *model.Wait) bool {
	switch w.Needs {
	case model.NeedsLock, model.NeedsSpace, model.NeedsChild:
		return !g.Work(w)
	}
	switch g.lockType(w) {
	case "join", "cond-notify":
		return true
	}
	return false
}

// keeps reports whether somebody keeps what a wait is for while he lives and does not
// act: a lock, or the room in a buffer. A child or thread whose end is waited for
// keeps nothing: it ends when it is told to.
func (g *Graph) keeps(w *model.Wait) bool {
	return g.Firm(w) && w.Needs != model.NeedsChild && g.lockType(w) != "join"
}

// idle reports whether threads that wait for each other are merely idle. They are
// where all of them wait for work, or all for something to come through one and the
// same object, as the users of a token pipe do; and where nobody keeps anything and a
// signal may set one of them going, whose handler brings what the others wait for, or
// some of them wait for work and there is none.
func (r *removal) idle(members []int) bool {
	g := r.g
	all := func(is func(*model.Wait) bool) bool {
		return !slices.ContainsFunc(members, func(i int) bool { return !is(g.nodes[i].wait) })
	}
	first := g.nodes[members[0]].wait.Object
	switch {
	case all(g.Work):
		return true
	case all(func(w *model.Wait) bool { return !g.Firm(w) && w.Object == first && first != "" }):
		return true
	case !all(func(w *model.Wait) bool { return !g.keeps(w) }):
		return false
	}
	firm := !all(func(w *model.Wait) bool { return !g.Firm(w) })
	catching := CatchesNothing
	working := false
	for _, i := range members {
		n := &g.nodes[i]
		working = working || g.Work(n.wait)
		if firm && !g.handlerHelps(n) {
			continue // a handler does not end a child
		}
		c, _ := g.Catches(n.process)
		catching = max(catching, c)
	}
	if catching == CatchesSignals {
		return true
	}
	// Workers and who gives them work: all is well unless there is work that nobody
	// takes.
	if !working || firm || r.undelivered(members) {
		return false
	}
	g.noWork = true
	return true
}

// NoWork reports whether threads were taken for idle because no pipe was seen to have
// work for them: a snapshot without the pipes at which nobody waits does not tell that.
func (g *Graph) NoWork() bool { return g.noWork }

// undelivered reports whether there is something in a pipe of which all who could
// read it are among some threads' processes, and none of these threads does.
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
	return slices.ContainsFunc(g.Snapshot.Objects, func(o model.Object) bool {
		d, ok := o.Detail.(*model.PipeDetail)
		if !ok || read[o.ID] || d.Queued.Or(0) == 0 {
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
