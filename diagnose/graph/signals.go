package graph

import (
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Catching is what the signal handlers of a process may be there for. A handler may
// write to a pipe or post a semaphore (signal-safety(7)); it may not unlock a mutex,
// and it gives back neither a file lock nor the room in a buffer.
type Catching int

// What handlers may be there for.
const (
	CatchesNothing   Catching = iota
	CatchesInterrupt          // SIGINT alone: to end the program, as interpreters do
	CatchesSignals            // anything
)

// Catches tells what signals a process catches, and which: faults do not count, nor what
// all of its threads block, nor the end of a child where no child is left that could end by
// itself.
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

// fault reports whether a signal tells of something that the program itself has done, or
// is one that the C library has for itself.
func fault(signal string) bool {
	switch signal {
	case "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS", "SIGPIPE", "SIG32", "SIG33":
		return true
	}
	return false
}

// childMayEnd reports whether a child of a process is not known to be blocked for
// good: one with a thread whose wait is not confirmed, or has a time limit, or is for
// such a child of its own, as a shell's is.
func (g *Graph) childMayEnd(p *model.Process) bool {
	if may, known := g.mayEnd[p.PID]; known {
		return may
	}
	g.mayEnd[p.PID] = false // should two processes be each other's children
	may := slices.ContainsFunc(g.Children[p.PID], func(child *model.Process) bool {
		return slices.ContainsFunc(g.members[child.PID], func(i int) bool {
			n := &g.nodes[i]
			return !n.blocked || n.wait.Timed.Or(true) || g.ForChild(n.wait) && g.childMayEnd(child)
		})
	})
	g.mayEnd[p.PID] = may
	return may
}

// interrupted adds that the end of a child wakes who waits for events and catches
// SIGCHLD: the kernel never restarts such calls after a handler (signal(7)). So does make
// wait for a job's token or for the end of one of its commands.
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

// handled weakens the clause of a wait that nobody in particular is to end, and that
// a handler of the waiting process may: a semaphore, a condition, an unknown word, a
// counter or pipe that the process alone has. Handlers that a language runtime
// installs for itself do not count.
func (g *Graph) handled(n *node, c *Clause) {
	p := n.process
	if c.Level == External || p.Runtime != "" || !g.ownerless(n, c) {
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

// ownerless reports whether what a thread waits for has no owner, and its own process
// could bring it.
func (g *Graph) ownerless(n *node, c *Clause) bool {
	switch g.lockType(n.wait) {
	case "cond", "barrier", "sem", "unknown":
		return n.handler == "" // a handler that is under way must end before another one could help it
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

// handlerHelps reports whether a handler in a thread's own process could end its wait.
func (g *Graph) handlerHelps(n *node) bool {
	return slices.ContainsFunc(n.clauses, func(c Clause) bool { return g.ownerless(n, &c) })
}
