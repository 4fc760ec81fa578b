package graph

import (
	"github.com/ipctop/ipctop/model"
)

// child returns the clause of a wait for a child: the end of any child that matches
// ends the wait, and a child ends only if its threads run.
func (g *Graph) child(n *node) Clause {
	w, p := n.wait, n.process
	c := Clause{How: "is the child waited for", Confidence: model.Certain}
	if w.Object != "" { // waitid on a pidfd
		if o := g.Object(w.Object); o != nil {
			return g.pidfd(o)
		}
		return unknown("what the pidfd stands for is not known")
	}
	child, known := -1, false
	if w.Target != nil {
		if id, ok := w.Target.Child.Get(); ok {
			child, known = id, true
		}
	}
	known = known || w.Call != "waitid" && w.Call != "wait4" // vfork has no pid argument
	if !known {
		return unknown("which child it waits for could not be read")
	}
	ended := false
	for _, q := range g.Children[p.PID] {
		if !fitsChild(q, child, p.PGID) {
			continue
		}
		if g.gone[q.PID] {
			ended = true
			continue
		}
		c.add(q.PID)
	}
	// A shell that waits for all its commands continues when the last one has ended.
	c.every = child <= 0
	if ended && len(c.Processes) == 0 {
		c.ended = processEnded
		return c
	}
	// wait4 also reports the threads that the process traces (ptrace(2)).
	for _, pid := range g.Tracees[p.PID] {
		if q := g.Processes[pid]; q != nil && fitsChild(q, child, p.PGID) {
			c.add(pid)
		}
	}
	if len(c.Processes) == 0 {
		c.weaken(External, "the child is not visible")
	}
	if child <= 0 {
		c.starter = p.PID // another thread may fork a child that matches as well
	}
	return c
}

// fitsChild reports whether a process is one that wait4(2) asks for.
func fitsChild(q *model.Process, child, group int) bool {
	return child == -1 || child > 0 && q.PID == child || child == 0 && q.PGID == group || child < -1 && q.PGID == -child
}

// pidfd becomes readable when its process ends, or its thread.
func (g *Graph) pidfd(o *model.Object) Clause {
	c := Clause{Object: o.ID, How: "is the process whose end is waited for", Confidence: model.Certain}
	d, ok := o.Detail.(*model.PidfdDetail)
	pid, known := 0, false
	if ok {
		pid, known = d.PID.Get()
	}
	if !known || g.Processes[pid] == nil {
		c.weaken(External, "it is not known to which process "+o.ID+" refers")
		return c
	}
	if g.gone[pid] {
		c.ended = processEnded
	}
	if tid, ok := d.TID.Get(); ok && tid != pid {
		c.Threads = []int{tid}
		return c
	}
	c.add(pid)
	return c
}
