package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// unseenLock returns the clause of a conflicting lock that is not listed: the kernel's table
// lists only the locks of its pid namespace, and none of other hosts.
func (g *Graph) unseenLock(n *node, o *model.Object, table *lockTable) Clause {
	c := Clause{Object: o.ID, How: "holds the lock", Confidence: model.Certain}
	switch {
	case g.locksUnread:
		c.weaken(External, "not all locks on files could be read")
	case !n.settled || !g.unlisted && table.othersHave():
		c.weaken(External, "the conflicting lock was not seen: it may have been taken while the locks were read")
	case g.unlisted:
		c.weaken(External, heldOutside)
		c.unseen = true
	default:
		c.weaken(External, "the holder of the lock is not visible from here; it may be on another host")
		c.unseen = true
	}
	return c
}

const heldOutside = "the lock is held by a process that is not visible from here, as those outside this pid namespace are not"

// othersHave reports whether a process has a file open and does not wait for a lock on it: it may
// have just taken the lock, after the locks were read.
func (g *Graph) othersHave(o *model.Object) bool {
	return slices.ContainsFunc(o.Holders, func(h model.Holder) bool {
		return h.PID != 0 && !slices.ContainsFunc(g.WaitsOf[int(h.PID)], func(w *model.Wait) bool {
			return w.Confirmed && w.Needs == model.NeedsLock && w.Object == o.ID
		})
	})
}

// UnseenHolder says why the holder of a file lock for which a thread waits is not visible; "" if the
// holder is visible, or if the reason is not known.
func (g *Graph) UnseenHolder(w *model.Wait) string {
	for _, c := range g.Clauses(w) {
		if c.unseen {
			return c.ReasonsFrom(External)[0]
		}
	}
	return ""
}

// lockable reports whether the record of an object lists the locks on it.
func lockable(o *model.Object) bool {
	if o == nil {
		return false
	}
	switch o.Detail.(type) {
	case *model.FileDetail, *model.MemoryDetail:
		return true
	}
	return false
}
