package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// maxSet is the largest set of objects for which the releasers are looked up. A
// server with thousands of connections has thousands of clients, and it waits for
// none of them in particular.
const maxSet = 64

// clauses appends the clauses of a wait: what must happen before it ends.
func (g *Graph) clauses(list []Clause, n *node) []Clause {
	from := len(list)
	if list = g.calls(list, n); len(list) == from {
		list = append(list, unknown("what it waits for could not be told"))
	}
	for i := from; i < len(list); i++ {
		g.clocks(n, &list[i])
		g.interrupted(n, &list[i])
		g.handled(n, &list[i])
		g.submitted(n, &list[i])
	}
	return list
}

// calls appends the clauses that follow from the system call in which the thread waits.
func (g *Graph) calls(list []Clause, n *node) []Clause {
	w := n.wait
	switch w.Needs {
	case model.NeedsTime:
		if o := g.readsTimer(w); o != nil {
			return append(list, g.end(n, o, false))
		}
		return append(list, unknown("it is the time that passes"))
	case model.NeedsSignal:
		return append(list, g.signal(n))
	case model.NeedsChild:
		return append(list, g.child(n))
	case model.NeedsAnswer:
		return append(list, g.answer(w))
	}
	switch w.Call {
	case "accept", "accept4":
		return append(list, unknown("anyone may connect"))
	case "io_uring_enter":
		return append(list, unknown("the kernel does not show what an io_uring waits for"))
	case "open", "openat", "openat2":
		if w.Needs == model.NeedsLock {
			return append(list, g.lease(w)...)
		}
		c := unknown(NoPartner(w) + "; anyone may open it")
		c.Object = w.Object
		return append(list, c)
	case "connect":
		return append(list, g.connect(n))
	case "flock", "fcntl":
		return append(list, g.lock(n)...)
	case "semop", "semtimedop":
		return append(list, g.semop(n)...)
	case "futex", "futex_wait":
		return append(list, g.futex(n, w.Object))
	case "poll", "ppoll", "select", "pselect6", "futex_waitv":
		return append(list, g.set(n, w.Objects))
	case "epoll_wait", "epoll_pwait", "epoll_pwait2":
		return append(list, g.epoll(n))
	case "splice", "tee":
		return append(list, g.set(n, objectsOf(w)))
	}
	o := g.Object(w.Object)
	if o == nil {
		return list
	}
	return append(list, g.end(n, o, writes(w.Call)))
}

// writes reports whether a call writes or sends.
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

// unknown returns a clause that something outside the snapshot fulfils; nothing more is known about it.
func unknown(because string) Clause {
	c := Clause{Confidence: model.Certain}
	c.weaken(External, because)
	return c
}

// submitted weakens a clause if a process that is involved has an io_uring: the kernel may write to a
// pipe or socket for it while all its threads wait. Language runtimes are excluded: they use io_uring for files.
func (g *Graph) submitted(n *node, c *Clause) {
	if len(g.rings) == 0 || c.Level == External || n.wait.Needs == model.NeedsLock || n.wait.Needs == model.NeedsChild {
		return
	}
	who := n.process.PID
	if !g.rings[who] {
		if who = g.withRing(c.Processes); who == 0 {
			return
		}
	}
	c.weaken(Incomplete, g.Processes[who].String()+" has an io_uring, which may do it")
}

// withRing returns the first of the processes that has an io_uring; 0 if none has. For a long list,
// which many clauses may share, the result is cached.
func (g *Graph) withRing(pids []int) int {
	if len(pids) == 0 {
		return 0
	}
	who, known := g.ringAmong[&pids[0]]
	if !known {
		if i := slices.IndexFunc(pids, func(pid int) bool { return g.rings[pid] }); i >= 0 {
			who = pids[i]
		}
		if len(pids) >= manyHolders {
			g.ringAmong[&pids[0]] = who
		}
	}
	return who
}

// timeLimit is the reason given for a wait that may end by itself.
const timeLimit = "the call has a time limit"

// clocks weakens a clause by what could end the wait without another process: a time limit of the call,
// a timer, an alarm; also if not everything that the thread waits for is known.
func (g *Graph) clocks(n *node, c *Clause) {
	p := n.process
	if timed, known := n.wait.Timed.Get(); timed {
		c.weaken(External, timeLimit)
	} else if !known {
		c.weaken(Unlikely, "it could not be read whether the wait has a timeout")
	}
	if n.wait.Partial {
		c.weaken(External, "it also waits for something that could not be read")
	}
	if n.wait.Kernel != "" {
		c.weaken(External, "the kernel may add to it: "+p.String()+" uses "+n.wait.Kernel)
	}
	if p.Timers.Or(0) > 0 {
		c.weaken(External, "a timer of the process may be set")
	}
	if p.Signals != nil && p.Runtime == "" && slices.Contains(p.Signals.Caught, "SIGALRM") {
		c.weaken(Unlikely, p.String()+" catches SIGALRM: an alarm may be set, which is not visible")
	}
}
