package graph

import (
	"github.com/ipctop/ipctop/model"
)

// futex is a wait at a lock word: its owner alone can release it, or, where the
// lock has none that is known, every thread that can reach the word.
func (g *Graph) futex(n *node, id string) Clause {
	o := g.Objects[id]
	if o == nil {
		return unknown("the lock word could not be read")
	}
	d, ok := o.Detail.(*model.FutexDetail)
	if !ok {
		return unknown("the lock word could not be read")
	}
	c := Clause{Object: id, Confidence: model.Certain}
	if tid, ok := d.OwnerTID.Get(); ok && owned(d.Type) {
		c.How = "holds the " + d.Type
		switch d.Type {
		case "join":
			c.How = "its end is waited for (pthread_join)"
		case "rwlock":
			c.How = "holds the rwlock for writing"
		}
		if _, lives := g.byTID[tid]; lives {
			c.Threads = []int{tid}
			return c
		}
		if alive, known := d.OwnerAlive.Get(); !known || alive {
			c.doubt(Open, "the owner is not shown")
		} else {
			c.How = "can unlock it: its owner has ended"
		}
		return c
	}
	c.How = "can reach the word"
	switch {
	case d.Object != "":
		memory := g.Objects[d.Object]
		if memory == nil {
			c.doubt(Strong, "who maps the memory is not known")
			break
		}
		g.holders(&c, memory, func(h *model.Holder) bool { return h.Via == model.ViaMap || h.Via == model.ViaAttach })
	case d.Offset.Known(): // shared, in memory that nobody shows
		for i := range o.Holders {
			c.add(int(o.Holders[i].PID))
		}
		c.doubt(Strong, "who maps the memory is not known")
	}
	c.add(n.process.PID)
	return c
}

// owned reports whether one thread alone can release such a lock; which of them it
// is may not be known.
func owned(lock string) bool {
	switch lock {
	case "mutex", "robust-mutex", "pi-mutex", "rwlock", "join":
		return true
	}
	return false
}

// privateWord reports whether the thread waits at a lock word of its own process.
func (g *Graph) privateWord(w *model.Wait) bool {
	o := g.Objects[w.Object]
	if o == nil || o.Kind != model.Futex {
		return false
	}
	d, ok := o.Detail.(*model.FutexDetail)
	return ok && d.Object == "" && !d.Offset.Known()
}

// lockType is what the lock word that a thread waits at belongs to; "" if it waits
// for something else.
func (g *Graph) lockType(w *model.Wait) string {
	if o := g.Objects[w.Object]; o != nil && o.Kind == model.Futex {
		if d, ok := o.Detail.(*model.FutexDetail); ok {
			if d.Type == "" {
				return "unknown"
			}
			return d.Type
		}
	}
	return ""
}
