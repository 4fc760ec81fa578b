package graph

import (
	"github.com/ipctop/ipctop/model"
)

// Release says in words what would end a wait.
func (g *Graph) Release(w *model.Wait) string {
	switch w.Needs {
	case model.NeedsTime:
		if g.readsUnset(w) {
			return "somebody sets the timer, and it goes off"
		}
		return "the time is over"
	case model.NeedsSignal:
		if g.ForChild(w) {
			return "a child of it ends, or another signal comes"
		}
		return "a signal comes"
	case model.NeedsChild:
		if w.Call == "vfork" {
			return "the child calls exec or ends"
		}
		return "a child that it waits for ends"
	case model.NeedsMessage:
		return "somebody sends it a message"
	case model.NeedsPeer:
		switch w.Call {
		case "accept", "accept4":
			return "somebody connects"
		case "connect":
			return "the listener accepts a connection"
		}
		return "somebody opens " + otherEnd(w)
	}
	switch g.lockType(w) {
	case "mutex", "robust-mutex", "pi-mutex", "rwlock":
		return "the owner unlocks it"
	case "sem":
		return "somebody posts the semaphore"
	case "cond":
		return "somebody signals the condition"
	case "barrier":
		return "enough threads have come to the barrier"
	case "join":
		return "that thread ends"
	case "cond-notify":
		return "those who waited at the condition before have left it; who was killed there never does"
	case "unknown":
		return "another thread wakes it"
	}
	o := g.Object(w.Object)
	switch {
	case w.Needs == model.NeedsAnswer:
		return "the server of the file system answers, or ends"
	case w.Call == "flock" || w.Call == "fcntl":
		return "the conflicting locks are released"
	case w.Needs == model.NeedsLock:
		return "somebody changes the semaphores as it asks"
	case w.Needs == model.NeedsSpace && g.outputStopped(w):
		return "output is started again: Ctrl-Q"
	case w.Needs == model.NeedsSpace:
		return "somebody reads from the other end, or closes it"
	case w.Needs == model.NeedsEvent && o != nil && o.Kind == model.Eventfd:
		return "somebody adds to the eventfd"
	case w.Needs == model.NeedsEvent:
		return "something that it watches becomes ready"
	}
	return "somebody writes to the other end, or all who have it close it"
}

// outputStopped reports whether a thread cannot write to a terminal because output to it
// is stopped.
func (g *Graph) outputStopped(w *model.Wait) bool {
	o := g.Object(w.Object)
	if o == nil || !OutputStopped(o) {
		return false
	}
	c := g.Clauses(w)
	return len(c) == 1 && c[0].Level == External && len(c[0].Processes) == 0
}
