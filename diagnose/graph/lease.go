package graph

import "github.com/ipctop/ipctop/model"

// lease returns the clauses of a wait in open(2) until the leases on the file are given up (F_SETLEASE,
// fcntl(2)), one for each lease. After a time the kernel breaks them.
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
			c.weaken(Incomplete, "the holder of the lease is not visible")
		}
		if list = append(list, c); len(list) == maxLockClauses {
			break
		}
	}
	return list
}

// wantsLease names the file that a thread opens while a lease is in the way.
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
