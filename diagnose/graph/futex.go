package graph

import (
	"github.com/ipctop/ipctop/model"
)

// futex returns the clause of a wait at a futex word. Only the owner can release it;
// if no owner is known, every thread that can reach the word can.
func (g *Graph) futex(n *node, id string) Clause {
	o := g.Object(id)
	if o == nil {
		return unknown("the futex could not be read")
	}
	d, ok := o.Detail.(*model.FutexDetail)
	if !ok {
		return unknown("the futex could not be read")
	}
	c := Clause{Object: id, Confidence: model.Certain}
	tid, ok := d.OwnerTID.Get()
	if tid == n.tid && len(d.Processes) > 0 {
		ok = false // with CLONE_VM the other process may have taken it under this tid: both use the same data of the C library
	}
	if ok && owned(d.Type) {
		c.How = "holds the " + d.Type
		switch d.Type {
		case "join":
			c.How = "is the thread whose end is waited for (pthread_join)"
		case "rwlock":
			c.How = "holds the rwlock for writing"
		}
		switch owner := g.processOf(tid); {
		case tid == n.tid:
			c.How = "can unlock it: the thread holds it itself"
			return c
		case d.Inherited:
			c.How = "can unlock it: it was locked in the process that this one was forked from"
			return c
		case g.gone[owner] && d.Type == "robust-mutex":
			c.ended = lockReleased
			return c
		case g.gone[owner]:
			c.How = "can unlock it: its owner has ended"
			return c
		case owner != 0:
			c.Threads = []int{tid}
			return c
		}
		if d.OwnerGone() {
			c.How = "can unlock it: its owner has ended"
		} else {
			c.weaken(External, "the owner is not visible")
		}
		return c
	}
	if d.OwnerNumber.Known() && d.OwnerGone() && owned(d.Type) {
		c.How = "can unlock it: its owner has ended"
		return c
	}
	if len(d.PossibleOwners) > 0 && owned(d.Type) {
		return g.onePossibleOwner(n, o, d)
	}
	if n.handler != "" && d.Object == "" && (d.Type == "" || d.Type == "unknown") {
		return g.libraryLock(n, o)
	}
	c.How = "can reach the futex"
	if d.Type == "cond-notify" {
		return g.conditionQuiescence(n, o, d)
	}
	switch {
	case d.Object != "":
		memory := g.Object(d.Object)
		if memory == nil {
			c.weaken(Incomplete, "it is not known which processes map the memory")
			break
		}
		g.holders(&c, memory, mapSide)
	case d.Offset.Known(): // shared, in memory that is no object of the snapshot
		for i := range o.Holders {
			c.add(int(o.Holders[i].PID))
		}
		c.weaken(Incomplete, "it is not known which processes map the memory")
	}
	for _, pid := range d.Processes {
		c.add(pid)
	}
	c.add(n.process.PID)
	return c
}

// onePossibleOwner returns the clause of a wait for a lock whose owner is one of several threads: the
// lock stores a thread id, and in several pid namespaces a thread has that id.
func (g *Graph) onePossibleOwner(n *node, o *model.Object, d *model.FutexDetail) Clause {
	c := Clause{Object: o.ID, How: "may hold the " + d.Type, Confidence: model.Certain}
	for _, tid := range d.PossibleOwners {
		if owner := g.processOf(tid); owner != 0 && tid != n.tid && !g.gone[owner] {
			c.Threads = append(c.Threads, tid)
		}
	}
	c.weaken(Unlikely, "threads in several pid namespaces have the owner's id")
	return c
}

// OwnerKnown reports whether a clause is about a lock that names its owner. Only the owner
// can release the lock, whatever else may end the wait.
func (g *Graph) OwnerKnown(c *Clause) bool {
	o := g.Object(c.Object)
	if o == nil {
		return false
	}
	d, ok := o.Detail.(*model.FutexDetail)
	return ok && (d.OwnerTID.Known() || d.OwnerGone()) && owned(d.Type)
}

// owned reports whether only one thread, the owner, can release a lock of this type. Who the
// owner is may be unknown.
func owned(lock string) bool {
	switch lock {
	case "mutex", "robust-mutex", "pi-mutex", "rwlock", "join":
		return true
	}
	return false
}

// privateWord reports whether the thread waits at a futex that is private to its process.
func (g *Graph) privateWord(w *model.Wait) bool {
	o := g.Object(w.Object)
	if o == nil || o.Kind != model.Futex {
		return false
	}
	d, ok := o.Detail.(*model.FutexDetail)
	return ok && d.Object == "" && !d.Offset.Known() && len(d.Processes) == 0
}

// lockType returns the type of lock to which the futex of a wait belongs; "" if the
// thread does not wait at a futex.
func (g *Graph) lockType(w *model.Wait) string {
	if o := g.Object(w.Object); o != nil && o.Kind == model.Futex {
		if d, ok := o.Detail.(*model.FutexDetail); ok {
			if d.Type == "" {
				return "unknown"
			}
			return d.Type
		}
	}
	return ""
}

// libraryLock returns the clause of a thread in a signal handler that waits at a futex of
// unknown type, such as malloc's lock. The holder is the code that the signal interrupted, or
// another thread that is running. A blocked thread is unlikely to hold such a lock.
func (g *Graph) libraryLock(n *node, o *model.Object) Clause {
	c := Clause{Object: o.ID, How: "can unlock it", Confidence: model.Certain}
	c.weaken(Unlikely, "that the interrupted code holds the lock was inferred")
	users := []int{n.process.PID}
	if d := o.Detail.(*model.FutexDetail); len(d.Processes) > 0 {
		users = d.Processes
	}
	for _, pid := range users {
		for _, i := range g.members[pid] {
			if m := &g.nodes[i]; m.tid != n.tid && !m.blocked {
				c.Threads = append(c.Threads, m.tid)
			}
		}
	}
	return c
}

// signalsAfterRefs is the distance, in bytes, from the reference count of a group of waiters to the
// futex word at which they wait (struct pthread_cond_t of glibc 2.25 to 2.40).
const signalsAfterRefs = 24

// conditionQuiescence returns the clause of a notifier that waits for the earlier waiters of a condition
// variable. The wait ends when they have left the condition, which they do as soon as they
// run. A waiter that was killed never leaves it.
func (g *Graph) conditionQuiescence(n *node, o *model.Object, d *model.FutexDetail) Clause {
	c := Clause{Object: o.ID, How: "still has to leave the condition variable", Confidence: model.Certain}
	users := Clause{Confidence: model.Certain}
	users.add(n.process.PID)
	for _, pid := range d.Processes {
		users.add(pid)
	}
	if d.Object != "" {
		if memory := g.Object(d.Object); memory != nil {
			g.holders(&users, memory, mapSide)
		} else {
			users.weaken(Incomplete, "it is not known which processes map the memory")
		}
	}
	c.Level, c.Reasons, c.levels = users.Level, users.Reasons, users.levels
	for _, pid := range users.Processes {
		for _, i := range g.members[pid] {
			if m := &g.nodes[i]; m.tid != n.tid && (!m.blocked || g.waitsBehind(m.wait, n.wait, d)) {
				c.Threads = append(c.Threads, m.tid)
			}
		}
	}
	return c
}

// waitsBehind reports whether w waits at the futex word of the same group of waiters
// whose reference count (d) the notifier waits for.
func (g *Graph) waitsBehind(w, notifier *model.Wait, d *model.FutexDetail) bool {
	o := g.Object(w.Object)
	if o == nil {
		return false
	}
	at, ok := o.Detail.(*model.FutexDetail)
	if !ok {
		return false
	}
	if offset, shared := d.Offset.Get(); shared {
		return at.Object == d.Object && at.Offset == model.Some(offset+signalsAfterRefs)
	}
	return w.PID == notifier.PID && w.Target != nil && notifier.Target != nil && w.Target.Address == notifier.Target.Address+signalsAfterRefs
}
