package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// Through returns the waits that involve an object: waits for the object itself, for its peer, for
// a connection that was accepted from it (if it is a listening socket), for a futex in it.
func (g *Graph) Through(o *model.Object) []*model.Wait { return g.Around(o).Waits() }

// Surroundings are an object and the related objects; see [Graph.Through].
type Surroundings struct {
	g      *Graph
	object *model.Object
	within map[string]bool
}

// Around returns the surroundings of an object.
func (g *Graph) Around(o *model.Object) *Surroundings {
	return &Surroundings{g: g, object: o, within: g.within(o)}
}

// Waits returns the waits that involve the object; see [Graph.Through].
func (s *Surroundings) Waits() []*model.Wait {
	g := s.g
	var list []*model.Wait
	for i := range g.Snapshot.Waits {
		w := &g.Snapshot.Waits[i]
		ok := slices.ContainsFunc(waitedFor(w), func(id string) bool { return s.within[id] })
		for _, c := range g.Clauses(w) {
			ok = ok || c.Object == s.object.ID
		}
		if ok {
			list = append(list, w)
		}
	}
	return list
}

// within returns the ids of an object and of the related objects; see [Graph.Through].
func (g *Graph) within(o *model.Object) map[string]bool {
	within := map[string]bool{o.ID: true}
	for i := range g.Snapshot.Objects {
		p := g.Snapshot.Objects[i]
		if d, ok := p.Detail.(*model.FutexDetail); ok && d.Object == o.ID || accepted(o, p) || g.ListenerOf(p) == o {
			within[p.ID] = true
		}
	}
	if !Listening(o) {
		for _, peer := range o.Peers {
			within[peer.ID] = true
		}
	}
	for i := range g.Snapshot.Objects {
		for _, peer := range g.Snapshot.Objects[i].Peers {
			if within[peer.ID] && (peer.ID == o.ID || Listening(o)) {
				within[g.Snapshot.Objects[i].ID] = true
			}
		}
	}
	return within
}

// waitedFor returns the ids of the objects for which a thread waits.
func waitedFor(w *model.Wait) []string {
	if w.Object == "" {
		return w.Objects
	}
	return append([]string{w.Object}, w.Objects...)
}

// Halted returns the processes that would have to act on the object before a wait ends, if all
// of them are halted; nil if one of them is not, or if unknown processes may act.
func (s *Surroundings) Halted(w *model.Wait) []int {
	g := s.g
	i, ok := g.byTID[w.TID]
	if !ok || g.nodes[i].wait != w {
		return nil
	}
	var list []Clause
	for _, id := range waitedFor(w) {
		if p := g.Object(id); s.within[id] && p != nil && p.Kind != model.Epoll {
			list = append(list, g.ready(&g.nodes[i], p)...)
		}
	}
	c := merge(list)
	return g.haltedOf(&c, w)
}

// HeldUp reports whether all processes that could release a wait are halted: if the wait has a time
// limit, it ends without a result.
func (g *Graph) HeldUp(w *model.Wait) bool {
	i, ok := g.byTID[w.TID]
	return ok && g.nodes[i].wait == w && !w.Partial && w.Kernel == "" && slices.ContainsFunc(g.calls(nil, &g.nodes[i]), func(c Clause) bool { return g.haltedOf(&c, w) != nil })
}

// haltedOf returns the processes that could fulfil a clause, if all of them are halted and
// no others are expected to act.
func (g *Graph) haltedOf(c *Clause, w *model.Wait) []int {
	pids := g.Releasers(c, w)
	if c.Level == External || slices.ContainsFunc(pids, func(pid int) bool { return !g.halts(pid) }) {
		return nil
	}
	return pids
}

// halts reports whether a process is halted.
func (g *Graph) halts(pid int) bool {
	end := g.Doing(pid)
	return end.Halts()
}

// AtListener reports whether a thread waits at a listening socket, or at the server's end of a
// connection that was accepted from it.
func (g *Graph) AtListener(w *model.Wait, l *model.Object) bool {
	return slices.ContainsFunc(waitedFor(w), func(id string) bool {
		o := g.Object(id)
		return o == l || o != nil && accepted(l, o)
	})
}

// Unaccepted returns the client's sockets of connections that wait to be accepted at a
// listening socket, if the clients are on this machine.
func (g *Graph) Unaccepted(l *model.Object) []*model.Object {
	var list []*model.Object
	for _, o := range g.Snapshot.Objects {
		if o == l || o.Kind != l.Kind {
			continue
		}
		asks := slices.ContainsFunc(o.Peers, func(p model.Peer) bool { return p.ID == l.ID })
		if len(o.Peers) == 0 {
			d, tcp := o.Detail.(*model.InetDetail)
			asks = g.ListenerOf(o) == l && (!tcp || d.State == "SYN-SENT")
		}
		if asks {
			list = append(list, o)
		}
	}
	return list
}

// Asking returns the listening socket that has not accepted yet a connection for which a thread
// waits; nil if there is none.
func (g *Graph) Asking(w *model.Wait) *model.Object {
	for _, id := range waitedFor(w) {
		o := g.Object(id)
		if o == nil || Listening(o) {
			continue
		}
		for _, p := range o.Peers {
			if l := g.Object(p.ID); l != nil && Listening(l) {
				return l
			}
		}
		if len(o.Peers) == 0 && o.Kind == model.Unix {
			if l := g.ListenerOf(o); l != nil {
				return l
			}
		}
	}
	return nil
}
