package graph

import (
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Catching says what the signal handlers of a process may do. A handler may write to a
// pipe or post a semaphore (signal-safety(7)). It may not unlock a mutex, and it is
// assumed to release neither a file lock nor space in a buffer.
type Catching int

// What handlers may do.
const (
	CatchesNothing   Catching = iota
	CatchesInterrupt          // SIGINT alone: to end the program, as interpreters do
	CatchesSignals            // anything
)

// Catches returns which signals a process catches. Not counted are faults, signals that
// all its threads block, and SIGCHLD if the process has no child that could end by itself.
func (g *Graph) Catches(p *model.Process) (Catching, []string) {
	if p == nil || p.Signals == nil || p.Signals.Caught == nil {
		return CatchesSignals, nil
	}
	c := CatchesNothing
	var names []string
	for _, s := range p.Signals.Caught {
		switch {
		case fault(s), p.Blocks(s):
			continue
		case s == "SIGCHLD":
			if !g.childMayEnd(p) {
				continue
			}
			c = CatchesSignals
		case s == "SIGINT":
			c = max(c, CatchesInterrupt)
		default:
			c = CatchesSignals
		}
		names = append(names, s)
	}
	return c, names
}

// fault reports whether the program's own actions cause a signal, or the C library reserves
// it for itself.
func fault(signal string) bool {
	switch signal {
	case "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS", "SIGPIPE", "SIG32", "SIG33":
		return true
	}
	return false
}

// childMayEnd reports whether a process has a child that is not known to be blocked for
// good: a thread of the child has a wait that is not confirmed, or that has a time limit,
// or that is for a child which itself may end, as in a shell.
func (g *Graph) childMayEnd(p *model.Process) bool {
	if may, known := g.mayEnd[p.PID]; known {
		return may
	}
	g.mayEnd[p.PID] = false // ends the recursion if a broken dump has a cycle of parents
	may := slices.ContainsFunc(g.Children[p.PID], func(child *model.Process) bool {
		return slices.ContainsFunc(g.members[child.PID], func(i int) bool {
			n := &g.nodes[i]
			return !n.blocked || n.wait.Timed.Or(true) || g.ForChild(n.wait) && g.childMayEnd(child)
		})
	})
	g.mayEnd[p.PID] = may
	return may
}

// interrupted notes in a clause that the end of a child ends the wait: the process catches
// SIGCHLD, and the kernel never restarts calls that wait for events after a handler (signal(7)).
// make waits like this for a job token or for the end of one of its commands.
func (g *Graph) interrupted(n *node, c *Clause) {
	p := n.process
	if p.Signals == nil || !slices.Contains(p.Signals.Caught, "SIGCHLD") {
		return
	}
	switch n.wait.Call {
	case "poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2":
		c.parent = p.PID
	}
}

// handled weakens a clause that has no owner and that a signal handler of the waiting
// process may fulfil: a semaphore, a condition, a futex of unknown type, an eventfd or
// pipe that only this process holds. Handlers that a language runtime installs for
// itself do not count.
func (g *Graph) handled(n *node, c *Clause) {
	p := n.process
	if c.Level == External || p.Runtime != "" || !g.withoutOwner(n, c) {
		return
	}
	switch catching, names := g.Catches(p); catching {
	case CatchesNothing:
	case CatchesInterrupt:
		c.weaken(Unlikely, p.String()+" catches SIGINT: the handler could do it")
	case CatchesSignals:
		text := "signals, as far as is known"
		if len(names) > 0 {
			text = strings.Join(names[:min(len(names), 3)], ", ")
		}
		c.weaken(Incomplete, p.String()+" catches "+text+": the handler could do it")
	}
}

// withoutOwner reports whether what a thread waits for has no owner, and its own process
// could provide it.
func (g *Graph) withoutOwner(n *node, c *Clause) bool {
	switch g.lockType(n.wait) {
	case "cond", "barrier", "sem", "unknown":
		return n.handler == "" // a thread that waits inside a handler gets no help from another handler
	case "":
	default:
		return false
	}
	alone := slices.Equal(c.Processes, []int{n.process.PID})
	if g.readsUnset(n.wait) {
		return alone
	}
	if !alone || n.wait.Needs != model.NeedsData && n.wait.Needs != model.NeedsEvent {
		return false
	}
	return slices.ContainsFunc(waitedFor(n.wait), func(id string) bool {
		o := g.Object(id)
		return o != nil && (o.Kind == model.Eventfd || o.Kind == model.Pipe || o.Kind == model.FIFO || o.Kind == model.Unix)
	})
}

// handlerMayRelease reports whether a handler in a thread's own process could end its wait.
func (g *Graph) handlerMayRelease(n *node) bool {
	return slices.ContainsFunc(n.clauses, func(c Clause) bool { return g.withoutOwner(n, &c) })
}
