package graph

import "github.com/ipctop/ipctop/model"

// lease is a wait in open(2) for leases on the file to be given up (F_SETLEASE, fcntl(2)): each of
// them is a clause. The kernel takes them away after a time.
func (g *Graph) lease(w *model.Wait) []Clause {
	o := g.Object(w.Object)
	if o == nil {
		return nil
	}
	var list []Clause
	locks := Locks(o)
	for i := range locks {
		l := &locks[i]
		if l.Type != "lease" || l.Blocked {
			continue
		}
		c := Clause{Object: o.ID, How: "has the lease", Confidence: model.Certain}
		if pid := l.PID.Or(0); g.Processes[pid] != nil && !g.gone[pid] {
			c.add(pid)
		} else {
			c.weaken(Incomplete, "the process that has the lease is not shown")
		}
		if list = append(list, c); len(list) == maxLockClauses {
			break
		}
	}
	return list
}

// wantsLease says of which file a thread waits for a lease to be given up.
func wantsLease(o *model.Object, w *model.Wait) string {
	text := "opens a file"
	switch {
	case o != nil:
		text = "opens " + labelOf(o)
	case w.Target != nil && w.Target.Path != "":
		text = "opens " + w.Target.Path
	}
	return text + ", on which a lease is in the way"
}
