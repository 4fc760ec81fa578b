package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// way is the next step from a thread to a halted one.
type way struct {
	clause *Clause // of the thread; nil: there is no way
	next   int     // index in nodes of a thread that the clause names
}

// OnlyHalted reports whether a wait cannot end before a halted thread (stopped, frozen, traced or
// dumping core) runs again: all other threads that could end it wait as well.
func (g *Graph) OnlyHalted(w *model.Wait) bool {
	i, ok := g.byTID[w.TID]
	return ok && g.withHalted().ways[i].clause != nil
}

// ToHalted returns the shortest chain from a wait to a halted thread, only through threads that
// wait for it, including pollers; false if the wait may end without the halted thread.
func (g *Graph) ToHalted(w *model.Wait) (Chain, bool) {
	if !g.OnlyHalted(w) {
		return Chain{}, false
	}
	c, at := Chain{Cycle: -1}, g.byTID[w.TID]
	for ways := g.withHalted().ways; ways[at].clause != nil; at = ways[at].next {
		c.Steps = append(c.Steps, Step{Wait: g.nodes[at].wait, Clause: ways[at].clause})
	}
	c.End, _ = g.ends(&g.nodes[at])
	return c, true
}

// withHalted returns the elimination in which halted threads never run again.
func (g *Graph) withHalted() *removal {
	if g.halted == nil {
		g.halted = g.scratch.begin(g, Incomplete)
		g.halted.halts = true
		g.halted.run()
	}
	return g.halted
}

// namesSomebody reports whether a clause names the threads that normally fulfil it, although something
// unknown may fulfil it, too. A thread that waits for them with a time limit still waits for them. A thread
// that polls may get events from elsewhere, or wake for a task that is due. So it counts only if its time
// limit is the only other cause, and a halted process has not read what was sent to it.
func (g *Graph) namesSomebody(n *node, c *Clause) bool {
	switch {
	case len(c.Processes)+len(c.Threads) == 0:
		return false
	case !g.Work(n.wait):
		return true
	}
	because := c.ReasonsFrom(External)
	return len(because) == 1 && because[0] == timeLimit && slices.ContainsFunc(c.Processes, func(pid int) bool { return g.LeftUnread(pid) != nil })
}

// LeftUnread returns a pipe or socket with data that others have sent to a halted process and that only
// this process can read; nil if none is known.
func (g *Graph) LeftUnread(pid int) *model.Object {
	if g.leftUnread == nil {
		g.leftUnread = map[int]*model.Object{}
		halts := map[int]bool{}
		for i := range g.nodes {
			if n := &g.nodes[i]; halted(n) {
				halts[n.process.PID] = true
			}
		}
		for _, o := range g.Snapshot.Objects {
			if to := g.receiver(o); halts[to] && g.leftUnread[to] == nil {
				g.leftUnread[to] = o
			}
		}
	}
	return g.leftUnread[pid]
}

// receiver returns the only process that can read what another process has put into a pipe or socket;
// 0 if there is not exactly one, if the object is empty, or if the process may have written the data
// itself, as programs do to wake themselves.
func (g *Graph) receiver(o *model.Object) (pid int) {
	if Unreceived(o) == 0 {
		return 0
	}
	for i := range o.Holders {
		switch h := &o.Holders[i]; {
		case h.Via != model.ViaFD || h.PID == 0:
			return 0
		case !h.Access.CanRead():
		case pid != 0 && pid != int(h.PID):
			return 0
		default:
			pid = int(h.PID)
		}
	}
	another := func(h model.Holder) bool { return h.PID != 0 && int(h.PID) != pid && h.Access.CanWrite() }
	_, inet := o.Detail.(*model.InetDetail)
	sent := inet && len(o.Peers) == 0 || slices.ContainsFunc(o.Holders, another) // without a peer here it was sent by another machine
	for _, p := range o.Peers {
		peer := g.Object(p.ID)
		sent = sent || peer != nil && slices.ContainsFunc(peer.Holders, another)
	}
	if !sent {
		return 0
	}
	return pid
}

// Unreceived returns how many bytes wait in a pipe or in the receive queue of a socket; 0 if that is not known.
func Unreceived(o *model.Object) int64 {
	switch d := o.Detail.(type) {
	case *model.PipeDetail:
		return d.Queued.Or(0)
	case *model.UnixDetail:
		return d.RecvQueue.Or(0)
	case *model.InetDetail:
		return d.RecvQueue.Or(0)
	}
	return 0
}

// findWays finds the shortest way from each dead thread to a halted one, by a breadth-first search that
// starts at the halted threads, in time proportional to the size of the graph. crowded lists, by crowd,
// the dead threads that have a clause on it.
func (r *removal) findWays(crowded [][]int) {
	g := r.g
	r.ways = make([]way, len(g.nodes))
	var queue []int
	for i := range g.nodes {
		if halted(&g.nodes[i]) {
			queue = append(queue, i)
		}
	}
	come := func(i, from int, names func(*Clause) bool) {
		n := &g.nodes[i]
		if !r.dead[i] || r.ways[i].clause != nil || halted(n) {
			return
		}
		for k := range n.clauses {
			if c := &n.clauses[k]; names(c) && r.among(c) {
				r.ways[i] = way{c, from}
				queue = append(queue, i)
				return
			}
		}
	}
	done := make([]bool, len(g.crowds))
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		pid, tid := g.nodes[at].process.PID, g.nodes[at].tid
		for _, crowd := range g.crowdsOf[pid] {
			if !done[crowd] {
				done[crowd] = true
				for _, i := range crowded[crowd] {
					come(i, at, func(c *Clause) bool { return c.crowd == crowd+1 })
				}
			}
		}
		for _, i := range g.scratch.watchers[pid] {
			come(i, at, func(c *Clause) bool { return c.crowd == 0 && slices.Contains(c.Processes, pid) })
		}
		for _, i := range g.scratch.waiters[at] {
			come(i, at, func(c *Clause) bool { return slices.Contains(c.Threads, tid) })
		}
	}
}

// AsksServer reports whether a thread polls only a connection that its process has opened as a
// client. It waits for an answer; a server that polls a connection waits for work.
func (g *Graph) AsksServer(w *model.Wait) bool {
	list := objectsOf(w)
	if len(list) != 1 || w.Needs != model.NeedsEvent {
		return false
	}
	o := g.Object(list[0])
	if o == nil {
		return false
	}
	if o.Kind == model.TCP {
		return g.ListenerOf(o) != nil
	}
	named := func(o *model.Object) bool {
		d, ok := o.Detail.(*model.UnixDetail)
		return ok && (d.Path != "" || d.Abstract != "")
	}
	return o.Kind == model.Unix && !named(o) && slices.ContainsFunc(o.Peers, func(p model.Peer) bool {
		peer := g.Object(p.ID)
		return peer != nil && named(peer)
	})
}
