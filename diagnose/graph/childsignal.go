package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// forEnd is how a thread that waits for a signal waits for the end of a child: the
// kernel sends SIGCHLD then (signal(7)).
type forEnd uint8

const (
	notForEnd     forEnd = iota
	perhapsForEnd        // other signals wake it as well: those of a daemon, or of a script that has a trap
	alone                // no other one does, but SIGINT, as in the shells' wait
)

// childSignal is how a thread waits for the end of a child by waiting for signals.
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

// interrupts are the signals that a process catches and that a thread of it does not block
// where it waits: sigsuspend, ppoll and pselect put a mask of their own into effect.
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

// WakingChildren are the children that have not ended of a process that waits for events, if
// the end of one would wake it: it catches SIGCHLD. So make and shells wait for whichever
// comes first. One that serves clients as well is not held up by its children.
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

// takenBy is how a thread waits for the end of a child that reads from a signalfd.
func takenBy(o *model.Object) forEnd {
	if d, ok := o.Detail.(*model.SignalfdDetail); ok {
		return endAmong(d.Signals)
	}
	return notForEnd
}

// endAmong is how a thread waits for the end of a child that any of some signals wakes.
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

// ForChild reports whether a thread waits for a child, or for a signal that the end of
// one sends.
func (g *Graph) ForChild(w *model.Wait) bool {
	return w.Needs == model.NeedsChild || g.childSignal(w) != notForEnd
}

// signal is a wait for a signal. It may come from anywhere; who waits for that of a
// child's end most likely waits for the child.
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

// endOfChild adds the children whose end sends a signal that is waited for.
func (g *Graph) endOfChild(c *Clause, p *model.Process, how forEnd) {
	c.How = "is a child whose end would wake it"
	ended := false
	for _, q := range g.Children[p.PID] {
		switch {
		case len(g.members[q.PID]) == 0: // its signal has come
		case g.gone[q.PID]:
			ended = true
		default:
			c.add(q.PID)
		}
	}
	c.every = true // as for wait4(2): a shell goes on when the last of its commands has ended
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
