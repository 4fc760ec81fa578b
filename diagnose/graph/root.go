package graph

import (
	"fmt"
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
)

// EndKind is how a chain ends.
type EndKind string

// The ways in which a chain ends.
const (
	Running EndKind = "running"  // it runs, or has no known wait
	Asleep  EndKind = "sleeping" // it waits for time to pass
	Idle    EndKind = "idle"     // it waits for work
	Stopped EndKind = "stopped"
	Traced  EndKind = "traced"
	Frozen  EndKind = "frozen"
	Dumping EndKind = "dumping core"
	Disk    EndKind = "disk" // it waits for a disk or a file server
	Outside EndKind = "outside"
	Stuck   EndKind = "stuck"  // it is a thread that is in the chain already
	Nobody  EndKind = "nobody" // no thread could release the last one
	Gone    EndKind = "gone"   // the thread that could release the last one has ended
	Signal  EndKind = "signal" // the last one waits for a signal
	Timer   EndKind = "time"   // … for time to pass
	Unseen  EndKind = "unseen" // which thread could release the last one, or what that does, is not visible
)

// End is the root cause that a chain leads to.
type End struct {
	Kind    EndKind
	Process *model.Process // nil: none
	TID     int
	Doing   string // what it does, in a few words
}

// Halts reports whether the root cause is a process that is halted: stopped, traced, frozen or dumping core.
func (e *End) Halts() bool {
	switch e.Kind {
	case Stopped, Traced, Frozen, Dumping:
		return true
	}
	return false
}

// ends reports whether a chain ends at a thread, and how.
func (g *Graph) ends(m *node) (End, bool) {
	p := m.process
	e := End{Process: p, TID: m.tid}
	set := func(kind EndKind, doing string) (End, bool) {
		e.Kind, e.Doing = kind, doing
		return e, true
	}
	switch {
	case p.CoreDump:
		return set(Dumping, "is dumping core")
	case p.Frozen:
		return set(Frozen, "is frozen (control group)")
	case m.state == "T":
		return set(Stopped, "is stopped")
	case m.state == "t":
		if q := g.Processes[p.Tracer]; q != nil {
			return set(Traced, "is stopped by its tracer "+q.String())
		}
		return set(Traced, "is stopped by its tracer")
	case m.unread != "":
		return set(Unseen, m.unread)
	}
	w := m.wait
	switch {
	case w == nil && m.state == "D":
		return set(Disk, "waits for a disk or a file system")
	case w == nil && m.state == "R":
		return set(Running, "is running")
	case w == nil:
		return set(Running, "waits for nothing that ipctop knows of")
	case g.readsUnset(w) && w.Confirmed:
		return e, false
	case w.Needs == model.NeedsTime:
		return set(Asleep, g.sleeps(w))
	case !w.Confirmed:
		return set(Running, "is running")
	case w.Needs == model.NeedsSignal && !g.ForChild(w):
		return set(Idle, "waits for a signal")
	case g.Work(w) && !g.narrow(m):
		return set(Idle, g.idles(w))
	}
	return e, false
}

// sleeps says how much longer a thread waits that waits for time to pass.
func (g *Graph) sleeps(w *model.Wait) string {
	o := g.readsTimer(w)
	switch {
	case o == nil:
		return sleeps(w)
	case timeLeft(o) > 0:
		return "waits for a timer, which goes off in " + brief(timeLeft(o))
	}
	return g.wantsTime(w)
}

// RestText says what a thread does that does not wait for another process; "" for other threads.
func RestText(w *model.Wait) string {
	switch {
	case w.Needs == model.NeedsTime:
		return sleeps(w)
	case w.Needs == model.NeedsSignal:
		return "waits for a signal"
	case w.Idle:
		return "is idle"
	}
	return ""
}

// sleeps says how much longer a thread sleeps. Each text is worded so that nobody takes this for the
// time that it has slept already.
func sleeps(w *model.Wait) string {
	limit, limited := w.Timeout.Get()
	age, known := w.BlockedFor.Get()
	switch {
	case !limited:
		return "sleeps"
	case !known:
		return "sleeps, " + brief(time.Duration(limit)) + " in all"
	}
	return "sleeps " + brief(time.Duration(max(limit-age, 0))) + " more"
}

const tenMinutes = 10 * time.Minute

// idles says for what an idle thread waits.
func (g *Graph) idles(w *model.Wait) string {
	switch {
	case w.Call == "accept" || w.Call == "accept4":
		return "waits for a connection"
	case w.Needs == model.NeedsMessage:
		return "waits for a message"
	}
	if o := g.Object(w.Object); o != nil && o.Kind == model.Pty {
		return "waits for input at its terminal"
	}
	switch {
	case g.lockType(w) == "":
		return g.polling(w)
	case g.Unclear(w):
		return g.Wants(w) + unclear
	}
	return g.Wants(w)
}

// narrow reports whether only one other process could release a thread that polls: then
// the thread waits for that process. A thread that waits for SIGCHLD waits for the
// child.
func (g *Graph) narrow(m *node) bool {
	if m.wait.Needs == model.NeedsSignal {
		return g.ForChild(m.wait)
	}
	if len(m.clauses) != 1 || m.clauses[0].Level == External || len(m.clauses[0].Threads) > 0 {
		return false
	}
	others := slices.DeleteFunc(slices.Clone(m.clauses[0].Processes), func(pid int) bool { return pid == m.process.PID })
	return len(others) == 1 && m.wait.Needs == model.NeedsEvent
}

// Narrow reports whether a thread polls and only one other process could release it, or
// waits for the signal that is sent when a child ends.
func (g *Graph) Narrow(w *model.Wait) bool {
	i, ok := g.byTID[w.TID]
	return ok && g.nodes[i].wait == w && g.narrow(&g.nodes[i])
}

// nobody returns the end of a chain at a thread that no known thread could release.
func (g *Graph) nobody(n *node, c *Clause) End {
	w := n.wait
	o := g.Object(w.Object)
	switch {
	case c == nil:
	case c.Level != External && g.ownerGone(w):
		return End{Kind: Gone, Doing: "its owner ended without unlocking it"}
	case c.Level != External && len(c.Processes) > 0 && !slices.Contains(c.Processes, n.process.PID):
		return End{Kind: Gone, Doing: "the process that could has ended"}
	case c.Level >= Unreadable:
		if end, ok := g.outside(o); ok {
			return end
		}
	default:
		return End{Kind: Nobody, Doing: "nobody else can"}
	}
	switch {
	case w.Needs == model.NeedsSignal:
		return End{Kind: Signal, Doing: "a signal may come from anywhere"}
	case w.Needs == model.NeedsTime && !g.readsUnset(w):
		return End{Kind: Timer, Doing: "time passes"}
	}
	doing := "the process that could is not visible"
	if c != nil && len(c.Reasons) > 0 {
		doing = c.Reasons[0]
	}
	return End{Kind: Unseen, Doing: doing}
}

// ownerGone reports whether the owner of the futex is known to have ended.
func (g *Graph) ownerGone(w *model.Wait) bool {
	if o := g.Object(w.Object); o != nil {
		if d, ok := o.Detail.(*model.FutexDetail); ok {
			return d.OwnerGone()
		}
	}
	return false
}

// outside returns the end of a chain at a connection to another host.
func (g *Graph) outside(o *model.Object) (End, bool) {
	if o == nil {
		return End{}, false
	}
	d, ok := o.Detail.(*model.InetDetail)
	if !ok || d.Remote == "" || len(o.Peers) > 0 || Listening(o) {
		return End{}, false
	}
	doing := d.Remote + " is " + g.otherEndLocation() + ", or not shown"
	if ns, ok := d.LastRecv.Get(); ok {
		doing += "; nothing came for " + brief(time.Duration(ns))
	}
	return End{Kind: Outside, Doing: doing}, true
}

// brief is a duration in one or two units: 41s, 3m12s, 2h05m.
func brief(d time.Duration) string {
	if d >= tenMinutes { // seconds do not matter any more
		d = d.Truncate(time.Minute)
	}
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d >= tenMinutes && d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
