package diagnose

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// findFull finds writers that are blocked at objects of some kinds because nobody reads
// from them: one finding for each full object, with all its blocked writers. what names the
// object in the summary.
func (v *view) findFull(what string, kinds ...model.Kind) []finding {
	var list []finding
	full, writers := v.full(kinds)
	for _, o := range full {
		waits := writers[o]
		clauses := v.graph.Clauses(waits[0])
		readers := v.graph.Releasers(&clauses[0], waits[0])
		victims := pidsOf(waits...)
		f := finding{Finding: model.Finding{
			Since: v.since(waits...), Objects: []string{o.ID}, Victims: victims, PIDs: readers,
			Chain: []model.Step{v.stepOf(waits[0], &clauses[0])}, Evidence: v.evidence(waits...),
		}, explains: waits}
		f.Confidence, f.LoweredBy = v.chainConfidence(&graph.Chain{Steps: []graph.Step{{Wait: waits[0], Clause: &clauses[0]}}})
		if fill, ok := o.Fill.Get(); ok {
			f.Evidence = append(f.Evidence, model.Evidence{Source: o.ID, Text: fmt.Sprintf("%.0f %% full", float64(fill)*100)})
		}
		if o.Kind == model.Pty && len(readers) == 0 && graph.OutputStopped(o) {
			f.Confidence, f.LoweredBy = model.Likely, []string{"the kernel does not show whether output is stopped"}
			f.Evidence = append(f.Evidence, model.Evidence{Source: o.ID, Text: "nothing is queued for the master (FIONREAD): it has read all that was written"})
			f.Summary = fmt.Sprintf("%s cannot write to %s %s: output was probably stopped with Ctrl-S; Ctrl-Q continues it", v.subject(victims), what, v.graph.Label(o.ID))
		} else if len(readers) == 0 && slices.Contains(clauses[0].Processes, waits[0].PID) {
			f.Summary = fmt.Sprintf("%s cannot write to %s %s: nobody but itself is seen to have it open to read", v.subject(victims), what, v.graph.Label(o.ID))
		} else if len(readers) == 0 {
			f.Summary = fmt.Sprintf("%s cannot write to %s %s: it has no visible reader", v.subject(victims), what, v.graph.Label(o.ID))
		} else {
			end := v.graph.Doing(readers[0])
			f.Root, f.Actions = v.rootOf(&end), v.free(&end, waits)
			if o.Kind == model.Pty {
				f.Actions = withoutEnd(f.Actions, readers) // to end the terminal's reader would hang up the terminal
			} else if f.Actions == nil {
				f.Actions = v.endAll(readers, waits)
			}
			f.Summary = fmt.Sprintf("%s cannot write to %s %s: %s does not read it and %s", v.subject(victims), what, v.graph.Label(o.ID),
				v.name(readers[0]), end.Doing)
			works := !v.allIdle(readers)
			if chain := v.graph.Chain(waits[0]); end.Kind == graph.Stuck && chain.Cycle < 0 && chain.End.Process != nil && !slices.Contains(readers, chain.End.Process.PID) {
				last := chain.End.Process.PID
				f.Chain, f.PIDs = v.chain(chain), append(f.PIDs, last)
				f.Summary += "; the chain ends at " + v.name(last) + ", which " + chain.End.Doing
				works = works || chain.End.Kind == graph.Running || !v.idleFor(last)
			}
			if works {
				// A reader that works may be about to read: blocking a faster writer is
				// normal flow control.
				f.Severity, f.Actions = model.Info, nil
			}
		}
		list = append(list, f)
	}
	return list
}

// withoutEnd removes the actions that would end one of the processes.
func withoutEnd(list []model.Action, pids []int) []model.Action {
	return slices.DeleteFunc(list, func(a model.Action) bool {
		return !slices.Contains(a.Argv, "-CONT") && slices.ContainsFunc(pids, func(pid int) bool { return slices.Contains(a.Argv, model.PIDNumber(pid)) })
	})
}

// full returns the objects of some kinds at which writers are blocked, and those writers.
func (v *view) full(kinds []model.Kind) (full []*model.Object, writers map[*model.Object][]*model.Wait) {
	writers = map[*model.Object][]*model.Wait{}
	for i := range v.Waits {
		w := &v.Waits[i]
		if w.Needs != model.NeedsSpace || !v.aged(w) || v.graph.Object(w.Object) == nil || !isKind(v.graph.Object(w.Object), kinds) {
			continue
		}
		clauses := v.graph.Clauses(w)
		if len(clauses) == 0 {
			continue
		}
		o := v.graph.Object(clauses[0].Object)
		if o == nil {
			o = v.graph.Object(w.Object)
		}
		if writers[o] == nil {
			full = append(full, o)
		}
		writers[o] = append(writers[o], w)
	}
	return full, writers
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
	text := "no visible holder"
	if o := v.graph.Object(id); o != nil {
		var names []string
		for _, pid := range holders(o, nil) {
			names = append(names, v.name(pid))
		}
		if len(names) > 0 {
			text = "held by " + joinNames(names)
			if o.HoldersComplete {
				text += ", by nobody else"
			}
		}
	}
	return model.Evidence{Source: id, Text: text}
}
