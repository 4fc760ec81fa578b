package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// Work reports whether a wait is one in which threads that are well wait for work:
// for any of a set, for events, at a terminal, at a lock word that has no owner.
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
	if w.Call == "accept" || w.Call == "accept4" {
		return true
	}
	return g.Work(w) && slices.ContainsFunc(w.Objects, func(id string) bool {
		o := g.Objects[id]
		return o != nil && isListener(o)
	})
}

// Firm reports whether somebody has what a wait needs and keeps it: a lock, the
// room in a full buffer, a child that does not end.
func (g *Graph) Firm(w *model.Wait) bool {
	switch w.Needs {
	case model.NeedsLock, model.NeedsSpace, model.NeedsChild:
		return !g.Work(w)
	}
	return g.lockType(w) == "join"
}

// idle reports whether threads that wait for each other are merely idle: all of
// them wait for work, or all for something to come through one and the same object,
// as the users of a token pipe do.
func (g *Graph) idle(members []int, level Doubt) bool {
	all := func(is func(*model.Wait) bool) bool {
		return !slices.ContainsFunc(members, func(i int) bool { return !is(g.nodes[i].wait) })
	}
	first := g.nodes[members[0]].wait.Object
	switch {
	case all(g.Work):
		return true
	case all(func(w *model.Wait) bool { return !g.Firm(w) && w.Object == first && first != "" }):
		return true
	case level == None:
		return false
	}
	// Threads that doze were left out of account: when they wake they may well
	// bring what the others wait for, but they keep no lock that others hold.
	return all(func(w *model.Wait) bool { return !g.Firm(w) }) && slices.ContainsFunc(members, func(i int) bool {
		return slices.ContainsFunc(g.members[g.nodes[i].process.PID], func(at int) bool { return g.nodes[at].dozes })
	})
}
