package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// way is the next step from a thread to somebody who is halted.
type way struct {
	clause *Clause // of the thread; nil: there is no way
	next   int     // place of a thread that the clause names
}

// OnlyHalted reports whether a wait cannot end before somebody who is stopped, frozen or traced
// goes on: all others who could end it wait as well.
func (g *Graph) OnlyHalted(w *model.Wait) bool {
	i, ok := g.byTID[w.TID]
	return ok && g.withHalted().ways[i].clause != nil
}

// ToHalted is the shortest way from a wait to somebody who is halted, through those alone who
// wait for that one, pollers too; false if the wait may end without.
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

// withHalted is an elimination in which who is halted never goes on.
func (g *Graph) withHalted() *removal {
	if g.halted == nil {
		g.halted = g.scratch.begin(g, Incomplete)
		g.halted.halts = true
		g.halted.run()
	}
	return g.halted
}

// namesSomebody reports whether a clause that something unknown may bring about names who does so as a
// rule: who waits for that one with a time limit waits for it all the same. Who polls
// may get something from elsewhere, or do what is due: that one waits for nothing else is believed only
// where somebody halted has not read what was sent to it.
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

// LeftUnread is something that a process which is halted has not read, though others have sent it
// to that process alone; nil if nothing is known of such.
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

// receiver is the only process that can read what another one has put into a pipe or socket; 0 if
// there is none, or nothing in it, or if it may have put it there itself, as programs wake themselves.
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
	sent := inet && len(o.Peers) == 0 || slices.ContainsFunc(o.Holders, another) // the former from elsewhere
	for _, p := range o.Peers {
		peer := g.Object(p.ID)
		sent = sent || peer != nil && slices.ContainsFunc(peer.Holders, another)
	}
	if !sent {
		return 0
	}
	return pid
}

// Unreceived is how many bytes wait in a pipe or in the queue of a socket, as far as is known.
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

// findWays finds the shortest ways to those who are halted, beginning with these, in time
// proportional to the graph. crowded are, by crowd, the dead with a clause on it.
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

// AsksServer reports whether a thread polls nothing but a connection that its process asked
// for: it waits for an answer, where a server that polls one waits for work.
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
