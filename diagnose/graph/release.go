package graph

import (
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Release says in words what would end a wait.
func (g *Graph) Release(w *model.Wait) string {
	text := g.release(w)
	if w.Timed.Or(false) && w.Needs != model.NeedsTime {
		text += ", or its time is over"
	}
	return text
}

func (g *Graph) release(w *model.Wait) string {
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
		return "somebody sends it " + message(w)
	case model.NeedsPeer:
		switch w.Call {
		case "accept", "accept4":
			return "somebody connects"
		case "connect":
			return "the listener accepts a connection"
		}
		return "somebody opens " + otherEnd(w)
	case model.NeedsAnswer:
		if w.Target != nil && w.Target.Asked != "" {
			return "the program that is asked answers, or ends"
		}
		return "the server of the file system answers, or ends"
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
		if tid := g.joined(w); tid != 0 {
			return "thread " + model.PIDNumber(tid) + " ends"
		}
		return "that thread ends"
	case "cond-notify":
		return "those who waited at the condition before have left it; who was killed there never does"
	case "unknown":
		return "another thread wakes it"
	}
	o := g.Object(w.Object)
	switch {
	case w.Call == "flock" || w.Call == "fcntl":
		return "the conflicting locks are released"
	case w.Needs == model.NeedsLock && strings.HasPrefix(w.Call, "open"):
		return "the lease is given up"
	case w.Needs == model.NeedsLock:
		return "somebody changes the semaphores as it asks"
	case w.Needs == model.NeedsSpace:
		return g.makesRoom(w, o)
	case w.Needs == model.NeedsEvent && o != nil && o.Kind == model.Eventfd:
		return "somebody adds to the eventfd"
	case w.Needs == model.NeedsEvent:
		return "something that it watches becomes ready"
	}
	return dataSource(o)
}

// makesRoom says what ends the wait of a thread that writes to a full object.
func (g *Graph) makesRoom(w *model.Wait, o *model.Object) string {
	if w.Call == "msgsnd" || w.Call == "mq_timedsend" {
		return "somebody receives a message from the queue"
	}
	if o == nil {
		return "somebody reads from the other end, or closes it"
	}
	switch d := o.Detail.(type) {
	case *model.PtyDetail:
		if g.outputStopped(w) {
			return "output is started again: Ctrl-Q"
		}
		return "the terminal's other end reads what was written, or is closed"
	case *model.UnixDetail:
		if d.Type == "dgram" {
			return "the receiver takes a datagram from its queue, or closes it"
		}
	case *model.EventfdDetail:
		return "somebody reads the eventfd"
	}
	return "somebody reads from the other end, or closes it"
}

// dataSource says what ends the wait of a thread that reads from an empty object.
func dataSource(o *model.Object) string {
	if o == nil {
		return "somebody writes to the other end, or all who have it close it"
	}
	switch o.Kind {
	case model.Pty:
		return "something is written to the terminal's other end, or that is closed"
	case model.UDP, model.Raw, model.ICMP, model.Packet, model.Netlink:
		return "a packet for it comes"
	}
	if d, ok := o.Detail.(*model.UnixDetail); ok && d.Type == "dgram" {
		return "somebody sends it a datagram"
	}
	return "somebody writes to the other end, or all who have it close it"
}

// message describes the message for which a thread waits: a reader of a System V queue may ask for
// certain types.
func message(w *model.Wait) string {
	if w.Target == nil {
		return "a message"
	}
	switch n := w.Target.MessageType.Or(0); {
	case n > 0 && w.Target.OtherTypes:
		return "a message of another type than " + strconv.Itoa(n)
	case n > 0:
		return "a message of type " + strconv.Itoa(n)
	case n < 0:
		return "a message of a type up to " + strconv.Itoa(-n)
	}
	return "a message"
}

// joined returns the thread for whose end w waits (pthread_join); 0 if that is not known.
func (g *Graph) joined(w *model.Wait) int {
	if o := g.Object(w.Object); o != nil {
		if d, ok := o.Detail.(*model.FutexDetail); ok {
			return d.OwnerTID.Or(0)
		}
	}
	return 0
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
