package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// maxSet bounds for how many objects of a set it is asked who could act on them: a
// server's thousands of connections have thousands of clients, none of which it
// waits for in particular.
const maxSet = 64

// clauses are what must happen before a wait ends.
func (g *Graph) clauses(n *node) []Clause {
	list := g.calls(n)
	if len(list) == 0 {
		list = []Clause{unknown("what it waits for could not be told")}
	}
	for i := range list {
		g.clocks(n, &list[i])
		g.interrupted(n, &list[i])
		g.handled(n, &list[i])
	}
	return list
}

// calls are the clauses by the call that the thread is in.
func (g *Graph) calls(n *node) []Clause {
	w := n.wait
	switch w.Needs {
	case model.NeedsTime:
		return []Clause{unknown("it is the time that passes")}
	case model.NeedsSignal:
		return []Clause{unknown("a signal may come from anywhere")}
	case model.NeedsChild:
		return []Clause{g.child(n)}
	case model.NeedsAnswer:
		return []Clause{g.answer(w)}
	}
	switch w.Call {
	case "accept", "accept4":
		return []Clause{unknown("anyone may connect")}
	case "io_uring_enter":
		return []Clause{unknown("the kernel does not show what an io_uring waits for")}
	case "open", "openat", "openat2":
		c := unknown("anyone may open the FIFO")
		c.Object = w.Object
		return []Clause{c}
	case "connect":
		return []Clause{g.connect(n)}
	case "flock", "fcntl":
		return g.lock(n)
	case "semop", "semtimedop":
		return g.semop(n)
	case "futex":
		return []Clause{g.futex(n, w.Object)}
	case "poll", "ppoll", "select", "pselect6", "futex_waitv":
		return []Clause{g.set(n, w.Objects)}
	case "epoll_wait", "epoll_pwait", "epoll_pwait2":
		return []Clause{g.epoll(n)}
	case "splice", "tee":
		return []Clause{g.set(n, objectsOf(w))}
	}
	o := g.Object(w.Object)
	if o == nil {
		return nil
	}
	return []Clause{g.end(n, o, writes(w.Call))}
}

// writes reports whether a call puts something in.
func writes(call string) bool {
	switch call {
	case "write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg", "vmsplice", "sendfile", "mq_timedsend", "msgsnd":
		return true
	}
	return false
}

func objectsOf(w *model.Wait) []string {
	if w.Object != "" {
		return []string{w.Object}
	}
	return w.Objects
}

// unknown is a clause of which only is known that something else fulfils it.
func unknown(because string) Clause {
	c := Clause{Confidence: model.Certain}
	c.weaken(External, because)
	return c
}

// clocks adds what passes by itself: a limit of the call, a timer, an alarm.
func (g *Graph) clocks(n *node, c *Clause) {
	p := n.process
	if timed, known := n.wait.Timed.Get(); timed {
		c.weaken(External, "the call has a time limit")
	} else if !known {
		c.weaken(Unlikely, "whether the wait has a time limit could not be read")
	}
	if n.wait.Partial {
		c.weaken(External, "not all it waits for could be read")
	}
	if p.Timers.Or(0) > 0 {
		c.weaken(External, "a timer of the process may be set")
	}
	if p.Signals != nil && p.Runtime == "" && slices.Contains(p.Signals.Caught, "SIGALRM") {
		c.weaken(Unlikely, p.String()+" catches SIGALRM: an alarm may be set, which nothing shows")
	}
}
