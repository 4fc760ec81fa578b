package graph

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// set is a wait for any of several objects: one clause, the union over them. The
// descriptor's own access says what it can be waited for: the end for reading of a
// pipe becomes readable, never writable.
func (g *Graph) set(n *node, ids []string) Clause {
	if len(ids) == 0 {
		return unknown("what it waits for could not be read")
	}
	if len(ids) > maxSet {
		return unknown(fmt.Sprintf("it waits for any of %d", len(ids)))
	}
	var list []Clause
	for _, id := range ids {
		o := g.Object(id)
		if o == nil {
			list = append(list, unknown("what becomes of "+id+" is not known"))
			continue
		}
		list = append(list, g.ready(n, o)...)
	}
	c := merge(list)
	c.How = "can make ready what it polls"
	if len(ids) == 1 {
		c.Object = ids[0]
	}
	return c
}

// ready is who could make one object of a set ready.
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

// epoll is a set that the kernel keeps.
func (g *Graph) epoll(n *node) Clause {
	o := g.Object(n.wait.Object)
	if o == nil {
		return unknown("what the epoll instance watches is not known")
	}
	d, ok := o.Detail.(*model.EpollDetail)
	if !ok || d.Watches == nil {
		return unknown("what the epoll instance watches could not be read")
	}
	var ids []string
	for i := range d.Watches {
		id := d.Watches[i].Object
		if id == "" {
			return unknown("part of what the epoll instance watches is none that processes act on")
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		if len(ids) > maxSet {
			break
		}
	}
	if len(ids) == 0 {
		// Another thread may add something to it.
		c := Clause{How: "can add something to watch", Object: o.ID, Confidence: model.Certain}
		g.holders(&c, o, anySide)
		return c
	}
	c := g.set(n, ids)
	// Anyone who has the instance may have it watch more.
	g.holders(&c, o, anySide)
	return c
}
