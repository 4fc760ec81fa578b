package render

import (
	"fmt"
	"time"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// inside says for which children the process at the end of a chain may wait, and how to look
// inside it.
func (t *whyText) inside(e *graph.End) {
	if w := t.graph.Waits[e.TID]; w != nil && e.Kind == graph.Idle {
		list := t.graph.WakingChildren(w)
		for i, p := range list {
			if i == maxChildren {
				t.para("     ", fmt.Sprintf("and %d more children", len(list)-i), Dim)
				break
			}
			end := t.graph.Doing(p.PID)
			t.para("     ", "the end of a child would wake it, too: "+p.String()+" "+end.Doing, Plain)
		}
	}
	if how := e.Inside(); how != "" {
		t.para("     ", "look inside: "+how, Dim)
	}
}

// maxChildren is the largest number of a process's children that are listed.
const maxChildren = 3

// inDatabase writes the step of a server process that waits for a lock which is not an
// object of the kernel.
func (t *whyText) inDatabase(w *model.Wait, s *model.Step) {
	text := t.graph.Name(s.PID) + " " + s.Relation
	if ns, ok := w.BlockedFor.Get(); ok {
		text += ", for " + Duration(time.Duration(ns))
	}
	t.para(" ", text, Plain)
	if p := t.processes[s.PID]; p != nil {
		t.para("     ", "its title: "+p.Title(), Dim)
	}
}
