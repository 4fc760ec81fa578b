package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// findFull finds writers that are blocked at objects of some kinds because
// nobody takes away what they hold. what names the object in the summary.
func (v *view) findFull(what string, kinds ...model.Kind) []finding {
	var list []finding
	for i := range v.Objects {
		o := &v.Objects[i]
		if !isKind(o, kinds) {
			continue
		}
		waits := v.blocked(o.ID, func(w *model.Wait) bool { return w.Needs == model.NeedsSpace })
		if len(waits) == 0 {
			continue
		}
		clauses := v.graph.Clauses(waits[0])
		if len(clauses) == 0 {
			continue
		}
		readers := v.graph.Releasers(&clauses[0], waits[0])
		victims := pidsOf(waits...)
		f := finding{Finding: model.Finding{
			Since: v.since(waits...), Objects: []string{o.ID}, Victims: victims, PIDs: readers,
			Chain: []model.Step{v.stepOf(waits[0], &clauses[0])}, Evidence: v.evidence(waits...),
		}, explains: waits}
		f.Confidence, f.LoweredBy = v.chainSure(&graph.Chain{Steps: []graph.Step{{Wait: waits[0], Clause: &clauses[0]}}})
		if fill, ok := o.Fill.Get(); ok {
			f.Evidence = append(f.Evidence, model.Evidence{Source: o.ID, Text: fmt.Sprintf("%.0f %% full", float64(fill)*100)})
		}
		if len(readers) == 0 {
			f.Summary = fmt.Sprintf("%s cannot write to %s %s: nobody that was seen reads it", v.subject(victims), what, v.graph.Label(o.ID))
		} else {
			end := v.graph.Doing(readers[0])
			f.Root, f.Actions = v.rootOf(&end), v.free(&end)
			if len(readers) == 1 && f.Actions == nil {
				f.Actions = []model.Action{v.kill(readers[0], "ends "+v.name(readers[0])+", the only reader; the writer gets SIGPIPE or an error")}
			}
			f.Summary = fmt.Sprintf("%s cannot write to %s %s: %s does not read it and %s", v.subject(victims), what, v.graph.Label(o.ID),
				v.name(readers[0]), end.Doing)
			if !v.allIdle(readers) {
				// One that works may be about to read: that is how it holds back who
				// writes faster.
				f.Severity = model.Info
			}
		}
		list = append(list, f)
	}
	return list
}

func isKind(o *model.Object, kinds []model.Kind) bool {
	for _, k := range kinds {
		if o.Kind == k {
			return true
		}
	}
	return false
}

// holding says who holds an object, as evidence.
func (v *view) holding(id string) model.Evidence {
	text := "nobody that was seen holds it"
	if o := v.objects[id]; o != nil {
		var names []string
		for _, pid := range holders(o, nil) {
			names = append(names, v.name(pid))
		}
		if len(names) > 0 {
			text = "held by " + few(names)
			if o.HoldersComplete {
				text += ", by nobody else"
			}
		}
	}
	return model.Evidence{Source: id, Text: text}
}
