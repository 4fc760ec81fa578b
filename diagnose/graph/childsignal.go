package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// forEnd says whether a thread that waits for a signal thereby waits for the end of a child:
// the kernel sends SIGCHLD when a child ends (signal(7)).
type forEnd uint8

const (
	notForEnd     forEnd = iota
	perhapsForEnd        // other signals wake it as well, as in a daemon, or in a script that has a trap
	alone                // only SIGCHLD wakes it, and perhaps SIGINT, as in the wait of a shell
)

// childSignal says whether a thread waits for the end of a child by waiting for signals.
func (g *Graph) childSignal(w *model.Wait) forEnd {
	p := g.Processes[w.PID]
	if w.Needs != model.NeedsSignal || p == nil || !g.hasChild(p) {
		return notForEnd
	}
	if o := g.Object(w.Object); o != nil {
		return takenBy(o)
	}
	if w.Call == "rt_sigtimedwait" {
		if w.Target == nil {
			return notForEnd
		}
		return endAmong(w.Target.Signals)
	}
	if p.Signals == nil {
		return notForEnd
	}
	wake := slices.DeleteFunc(interrupts(p, w), func(s string) bool { return fault(s) || s == "SIGINT" })
	return endAmong(wake)
}

// interrupts returns the signals that a process catches and that the waiting thread does not
// block while it waits: sigsuspend, ppoll and pselect set a temporary signal mask.
func interrupts(p *model.Process, w *model.Wait) (list []string) {
	blocked := p.Signals.Blocked
	for i := range p.ThreadList {
		if t := &p.ThreadList[i]; t.TID == w.TID && t.Signals != nil {
			blocked = t.Signals.Blocked
		}
	}
	for _, s := range p.Signals.Caught {
		if !slices.Contains(blocked, s) {
			list = append(list, s)
		}
	}
	return list
}

// WakingChildren returns the living children of a process that waits for events, if the process
// catches SIGCHLD, so that the end of a child would wake it. make and shells wait like this for
// whichever comes first. A process that also serves clients is left out: its children do not block it.
func (g *Graph) WakingChildren(w *model.Wait) (list []*model.Process) {
	p := g.Processes[w.PID]
	if p == nil || p.Signals == nil || w.Needs != model.NeedsEvent || g.Serves(w) || !slices.Contains(interrupts(p, w), "SIGCHLD") {
		return nil
	}
	for _, q := range g.Children[p.PID] {
		if len(g.members[q.PID]) > 0 && !g.gone[q.PID] {
			list = append(list, q)
		}
	}
	return list
}

// takenBy says whether a thread that reads from a signalfd thereby waits for the end of a child.
func takenBy(o *model.Object) forEnd {
	if d, ok := o.Detail.(*model.SignalfdDetail); ok {
		return endAmong(d.Signals)
	}
	return notForEnd
}

// endAmong says whether a thread that any of these signals wakes thereby waits for the end of a child.
func endAmong(signals []string) forEnd {
	switch {
	case !slices.Contains(signals, "SIGCHLD"):
		return notForEnd
	case len(signals) > 1:
		return perhapsForEnd
	}
	return alone
}

// hasChild reports whether a process has a child that has not ended, or traces one.
func (g *Graph) hasChild(p *model.Process) bool {
	return len(g.Tracees[p.PID]) > 0 || slices.ContainsFunc(g.Children[p.PID], func(q *model.Process) bool { return len(g.members[q.PID]) > 0 })
}

// ForChild reports whether a thread waits for a child, or for a signal that is sent when a
// child ends.
func (g *Graph) ForChild(w *model.Wait) bool {
	return w.Needs == model.NeedsChild || g.childSignal(w) != notForEnd
}

// signal returns the clause of a wait for a signal. A signal may come from anywhere, but a
// thread that waits for SIGCHLD most likely waits for a child.
func (g *Graph) signal(n *node) Clause {
	how := g.childSignal(n.wait)
	if how == notForEnd {
		return unknown("a signal may come from anywhere")
	}
	c := Clause{Confidence: model.Certain}
	if o := g.Object(n.wait.Object); o != nil {
		c.Object = o.ID
	}
	g.endOfChild(&c, n.process, how)
	return c
}

// endOfChild adds to a clause the children whose end sends SIGCHLD to the waiting process.
func (g *Graph) endOfChild(c *Clause, p *model.Process, how forEnd) {
	c.How = "is a child whose end would wake it"
	ended := false
	for _, q := range g.Children[p.PID] {
		switch {
		case len(g.members[q.PID]) == 0: // it has ended: its signal was sent already
		case g.gone[q.PID]:
			ended = true
		default:
			c.add(q.PID)
		}
	}
	c.every = true // as for wait4(2): a shell continues when the last of its commands has ended
	if ended && len(c.Processes) == 0 {
		c.ended = processEnded
	}
	for _, pid := range g.Tracees[p.PID] {
		c.add(pid)
	}
	c.starter = p.PID // another thread may start a child, or send a signal
	if how == alone {
		c.weaken(Unlikely, p.String()+" waits for a signal: one that another process sends would wake it, too")
		return
	}
	c.weaken(Incomplete, p.String()+" waits for several signals: any of them would wake it")
}

// wantsSignal says which signal a thread waits for, as far as is known.
func (g *Graph) wantsSignal(w *model.Wait) string {
	if g.childSignal(w) == notForEnd {
		return "waits for a signal"
	}
	return "waits for a signal, perhaps the end of one of its children"
}
