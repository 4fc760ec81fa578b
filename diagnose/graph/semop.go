package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// semop returns the clauses of a wait for System V semaphores, one for each operation that cannot
// proceed. Any process may operate on the semaphores. The last one that did is the likely releaser,
// because it has probably locked what the semaphore protects.
func (g *Graph) semop(n *node) []Clause {
	w := n.wait
	o := g.Object(w.Object)
	if o == nil || w.Target == nil {
		return nil
	}
	d, ok := o.Detail.(*model.SysvSemDetail)
	if !ok {
		return nil
	}
	var list []Clause
	for _, text := range w.Target.Operations {
		number, change, undo, ok := parseOperation(text)
		if !ok || number >= len(d.Sems) {
			return nil
		}
		sem := &d.Sems[number]
		value, known := sem.Value.Get()
		if !known {
			return nil
		}
		if change > 0 || change < 0 && value+change >= 0 || change == 0 && value == 0 {
			continue // this operation could proceed
		}
		c := Clause{Object: o.ID, How: "was the last to change it", Confidence: model.Likely}
		c.weaken(Unlikely, fmt.Sprintf("any process may change semaphore %d of %s", number, o.ID))
		last, known := sem.LastPID.Get()
		switch {
		case change == 0, !known, last == 0:
			c.weaken(External, "it is not known which process will change it")
		case !undo && g.waitsForSem(last, o.ID, number):
			// A process that has taken all units and waits for more has most likely not locked
			// anything: semaphores that count work are used like this.
			c.weaken(External, "the process that took it last waits for more, as workers do: it is not known which process will raise it")
		case value > 0:
			c.weaken(External, "its value is above 0: the last process that changed it may have raised it")
		case len(g.members[last]) == 0 && d.OpTime.Before(d.ChangeTime):
			c.weaken(External, "the process that set its value has ended, and no process has taken it since")
		default:
			c.add(last)
		}
		list = append(list, c)
	}
	return list
}

// waitsForSem reports whether a process waits for a semaphore of a set to be raised.
func (g *Graph) waitsForSem(pid int, set string, semaphore int) bool {
	return slices.ContainsFunc(g.members[pid], func(i int) bool {
		w := g.nodes[i].wait
		return w != nil && w.Object == set && w.Target != nil && slices.ContainsFunc(w.Target.Operations, func(text string) bool {
			number, change, _, ok := parseOperation(text)
			return ok && number == semaphore && change < 0
		})
	})
}

// parseOperation reads an operation as waits show it: NUMBER:CHANGE and flags.
func parseOperation(text string) (number, change int, undo, ok bool) {
	text, flags, _ := strings.Cut(text, " ")
	n, err := fmt.Sscanf(text, "%d:%d", &number, &change)
	return number, change, strings.Contains(flags, "SEM_UNDO"), n == 2 && err == nil && number >= 0
}
