package graph

import (
	"fmt"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// semop is a wait for System V semaphores: a clause for each that is in the way.
// Any process may operate on them; the last that did is the one that likely will.
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
		number, change, ok := parseOperation(text)
		if !ok || number >= len(d.Sems) {
			return nil
		}
		sem := &d.Sems[number]
		value, known := sem.Value.Get()
		if !known {
			return nil
		}
		if change > 0 || change < 0 && value+change >= 0 || change == 0 && value == 0 {
			continue // it is not this one
		}
		c := Clause{Object: o.ID, How: "was the last to change it", Confidence: model.Likely}
		c.weaken(Unlikely, fmt.Sprintf("any process may change semaphore %d of %s", number, o.ID))
		last, known := sem.LastPID.Get()
		switch {
		case change == 0, !known, last == 0:
			c.weaken(External, "who is to change it is not known")
		default:
			c.add(last)
		}
		list = append(list, c)
	}
	return list
}

// parseOperation reads an operation as waits show it: NUMBER:CHANGE and flags.
func parseOperation(text string) (number, change int, ok bool) {
	text, _, _ = strings.Cut(text, " ")
	n, err := fmt.Sscanf(text, "%d:%d", &number, &change)
	return number, change, n == 2 && err == nil && number >= 0
}
