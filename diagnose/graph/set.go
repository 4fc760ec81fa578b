package graph

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// set returns the clause of a wait for any of several objects: the union over them. The
// access of the thread's own descriptor says what it can wait for: the read end of a
// pipe becomes readable, never writable.
func (g *Graph) set(n *node, ids []string) Clause {
	if len(ids) == 0 {
		return unknown("what it waits for could not be read")
	}
	w := g.watched(ids)
	switch {
	case w.unknown != "":
		return unknown(w.unknown)
	case len(w.ids) > maxSet:
		return unknown(fmt.Sprintf("it waits for any of %d", max(len(ids), len(w.ids))))
	}
	c := Clause{How: "can add something to watch", Confidence: model.Certain}
	if len(w.ids) > 0 {
		var list []Clause
		for _, id := range w.ids {
			o := g.Object(id)
			if o == nil {
				list = append(list, unknown("what becomes of "+id+" is not known"))
				continue
			}
			list = append(list, g.ready(n, o)...)
		}
		c = merge(list)
		c.How = "can make ready what it polls"
	}
	switch {
	case len(w.ids) == 1:
		c.Object = w.ids[0]
	case len(w.ids) == 0 && len(w.instances) == 1:
		c.Object = w.instances[0].ID
	}
	// Every holder of an epoll instance can add descriptors to it.
	for _, o := range w.instances {
		g.holders(&c, o, anySide)
	}
	return c
}

// maxNested is how deep epoll instances may be nested (EP_MAX_NESTS of fs/eventpoll.c,
// and the one at which the thread waits).
const maxNested = 5

// watching is a set in which each epoll instance is replaced by the objects that it watches.
type watching struct {
	ids       []string
	instances []*model.Object // of epoll
	unknown   string          // not empty: why the set is not completely known
}

// watched replaces the epoll instances in a set by the objects that they watch.
func (g *Graph) watched(ids []string) watching {
	var w watching
	g.watch(&w, ids, 0)
	return w
}

func (g *Graph) watch(w *watching, ids []string, depth int) {
	for _, id := range ids {
		o := g.Object(id)
		switch {
		case len(w.ids) > maxSet:
			return
		case o == nil || o.Kind != model.Epoll:
			if !slices.Contains(w.ids, id) {
				w.ids = append(w.ids, id)
			}
			continue
		case slices.Contains(w.instances, o):
			continue
		}
		d, ok := o.Detail.(*model.EpollDetail)
		switch {
		case !ok || d.Watches == nil || depth > maxNested:
			w.unknown = "what the epoll instance watches could not be read"
			return
		case slices.ContainsFunc(d.Watches, func(x model.EpollWatch) bool { return x.Object == "" }):
			w.unknown = "part of what the epoll instance watches is none that processes act on"
			return
		}
		w.instances = append(w.instances, o)
		inner := make([]string, 0, min(len(d.Watches), maxSet+1))
		for i := range d.Watches {
			if len(inner) > maxSet {
				break
			}
			inner = append(inner, d.Watches[i].Object)
		}
		g.watch(w, inner, depth+1)
	}
}

// ready returns the clauses that say who could make one object of a set ready.
func (g *Graph) ready(n *node, o *model.Object) []Clause {
	switch o.Kind {
	case model.Futex:
		return []Clause{g.futex(n, o.ID)}
	case model.Pipe, model.FIFO:
		var list []Clause
		reads, writes := false, false
		for i := range o.Holders {
			if h := &o.Holders[i]; int(h.PID) == n.process.PID {
				reads, writes = reads || h.Access.CanRead(), writes || h.Access.CanWrite()
			}
		}
		if reads || !writes {
			list = append(list, g.end(n, o, false))
		}
		if writes || !reads {
			list = append(list, g.end(n, o, true))
		}
		return list
	}
	return []Clause{g.end(n, o, false)}
}

// epoll returns the clause of a wait at an epoll instance, whose set the kernel stores.
func (g *Graph) epoll(n *node) Clause {
	if g.Object(n.wait.Object) == nil {
		return unknown("what the epoll instance watches is not known")
	}
	return g.set(n, []string{n.wait.Object})
}
