package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/model"
)

var leakedWriteEndRule = Rule{
	ID:       "leaked-write-end",
	Short:    "leaked end",
	Title:    "pipe kept open by a process that inherited its write end",
	Severity: model.Warning,
	Means: "A process reads from a pipe until its end, and the end does not come: only siblings that were " +
		"started after it still have the write end, by accident. Their common parent had it open when it started them.",
	Evidence: "The blocked read, and the holders of the write end: all of them run the same program as the reader, for the same parent, started after " +
		"it, and read from pipes of their own; and they have the write end as a descriptor above 2, which is not how a program is given its output.",
	Do:         "End the process that keeps it, and the reader gets its end of file. Then fix the parent: it must open pipes with O_CLOEXEC.",
	FalseAlarm: "A sibling may have been given the pipe on purpose, with its descriptor number, to write to it. So the finding is likely at most.",
	find:       findLeakedWriteEnd,
}

func findLeakedWriteEnd(v *view) []finding {
	var list []finding
	for _, o := range v.awaited() {
		if o.Kind != model.Pipe {
			continue
		}
		waits := v.blocked(o.ID, func(w *model.Wait) bool { return w.Needs == model.NeedsData })
		if len(waits) == 0 {
			continue
		}
		keepers := v.keepers(o, waits[0].PID)
		if len(keepers) == 0 {
			continue
		}
		confidence, lowered := v.absence(o)
		first := keepers[0]
		end := v.graph.Doing(first)
		victims := pidsOf(waits...)
		list = append(list, finding{Finding: model.Finding{
			Confidence: lower(confidence, model.Likely), LoweredBy: append(lowered, "it may have been handed over on purpose"), Since: v.since(waits...),
			Objects: []string{o.ID}, Victims: victims, Root: v.rootOf(&end), PIDs: keepers,
			Summary: fmt.Sprintf("%s %s for the end of %s, which %s inherited and keeps open", v.subject(victims), verb(len(victims), "waits", "wait"),
				o.ID, v.subject(keepers)),
			Chain: []model.Step{v.stepOf(waits[0], nil)},
			Evidence: append(v.evidence(waits...), v.holding(o.ID), model.Evidence{
				Source: fmt.Sprintf("/proc/%d/stat", first),
				Text:   fmt.Sprintf("parent %d, as of %s, and started after it", v.processes[first].PPID, v.name(waits[0].PID)),
			}),
			Actions: v.endAll(keepers, waits),
		}, explains: waits})
	}
	return list
}

// keepers returns the holders of a pipe's write end if all of them are siblings of the
// reader that do the same work and have inherited it by accident; else none.
func (v *view) keepers(o *model.Object, reader int) []int {
	r := v.processes[reader]
	if r == nil {
		return nil
	}
	var pids []int
	for i := range o.Holders {
		h := &o.Holders[i]
		if h.Via != model.ViaFD || h.Access == "" {
			return nil
		}
		if !h.Access.CanWrite() {
			continue
		}
		p := v.processes[int(h.PID)]
		const lastStandard = 2
		if p == nil || p.PID == reader || p.PPID != r.PPID || r.PPID <= 1 || h.FD.Or(0) <= lastStandard || p.StartTicks < r.StartTicks ||
			p.StartTicks == r.StartTicks && p.PID < r.PID || p.Comm != r.Comm || p.Exe != r.Exe || !v.readsAnother(p.PID, o) {
			return nil
		}
		pids = append(pids, p.PID)
	}
	return set(pids)
}

// readsAnother reports whether a process is blocked reading from another pipe.
func (v *view) readsAnother(pid int, o *model.Object) bool {
	for _, w := range v.waitsOf[pid] {
		if other := v.graph.Object(w.Object); w.Confirmed && w.Needs == model.NeedsData && other != nil && other != o && other.Kind == model.Pipe {
			return true
		}
	}
	return false
}
