package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// side is a part of an object's holders.
type side uint8

// The sides.
const (
	anySide   side = iota
	readSide       // holders that can read from it, or whose access is unknown
	writeSide      // holders that can write to it, or whose access is unknown
	mapSide        // holders that have it mapped or attached
)

// otherSide returns the side that could release a thread that writes to an object, or reads from it.
func otherSide(writes bool) side {
	if writes {
		return readSide
	}
	return writeSide
}

func (s side) has(h *model.Holder) bool {
	switch s {
	case readSide:
		return h.Access == "" || h.Access.CanRead()
	case writeSide:
		return h.Access == "" || h.Access.CanWrite()
	case mapSide:
		return h.Via == model.ViaMap || h.Via == model.ViaAttach
	}
	return true
}

// manyHolders is the number of holders from which the side of an object is cached: there may be as
// many waits at it.
const manyHolders = 16

type heldKey struct {
	object *model.Object
	side   side
}

// held is the cached result of [Graph.holders] for one side of an object.
type held struct {
	pids             []int
	jumbled          bool
	closed, inFlight bool
}

// holders adds to a clause the processes on one side of an object.
func (g *Graph) holders(c *Clause, o *model.Object, s side) {
	if len(o.Holders) < manyHolders || len(c.Processes) > 0 {
		g.holdersThat(c, o, s.has)
		return
	}
	key := heldKey{o, s}
	h, ok := g.held[key]
	if !ok {
		var all Clause
		h.inFlight = all.take(g, o, s.has)
		h.pids, h.jumbled, h.closed = all.Processes, all.jumbled, all.closed
		g.held[key] = h
	}
	c.Processes, c.jumbled, c.closed = slices.Clip(h.pids), h.jumbled, c.closed || h.closed // clipped: the list is shared
	g.doubt(c, o, h.inFlight)
}

// holdersThat adds to a clause the processes with a holder record that fits.
func (g *Graph) holdersThat(c *Clause, o *model.Object, fits func(*model.Holder) bool) {
	g.doubt(c, o, c.take(g, o, fits))
}

// take adds to a clause the processes with a holder record that fits, and reports whether a
// descriptor of the object is in flight.
func (c *Clause) take(g *Graph, o *model.Object, fits func(*model.Holder) bool) (inFlight bool) {
	for i := range o.Holders {
		switch h := &o.Holders[i]; {
		case h.Via == model.ViaInFlight:
			inFlight = true
		case h.PID == 0 || h.Via == model.ViaLock || !fits(h):
		case g.gone[int(h.PID)]:
			c.closed = true
		default:
			c.add(int(h.PID))
		}
	}
	return inFlight
}

// doubt weakens a clause if the list of an object's holders may be incomplete.
func (g *Graph) doubt(c *Clause, o *model.Object, inFlight bool) {
	if inFlight {
		c.weaken(Incomplete, "a descriptor of "+o.ID+" is in flight")
	}
	g.incomplete(c, o)
}
