package diagnose

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var semNobodyPostsRule = Rule{
	ID:       "sem-nobody-posts",
	Short:    "nobody posts",
	Title:    "semaphore that nobody is left to post",
	Severity: model.Warning,
	Means: "Processes wait at a POSIX semaphore in shared memory whose value is 0, and no other process has that memory: the process that was to post it has ended or " +
		"never came.",
	Evidence: "The blocked sem_wait, the semaphore's words as the C library lays them out, and the processes that map the memory: all of them wait.",
	Do:       "Start the process that posts it, or end those who wait.",
	FalseAlarm: "A semaphore with a name may be opened again by a process that is yet to come: workers that wait for a client look just like this. It " +
		"is likely at most, and processes that catch signals are not reported: a handler may post it.",
	find: findSemNobodyPosts,
}

func findSemNobodyPosts(v *view) []finding {
	var list []finding
	for _, o := range v.awaited() {
		d, ok := o.Detail.(*model.FutexDetail)
		if !ok || d.Type != "sem" || !d.Offset.Known() {
			continue
		}
		waits := v.blocked(o.ID, func(w *model.Wait) bool { return w.Timed == model.Some(false) })
		if len(waits) == 0 || v.graph.Stuck(waits[0], graph.Incomplete) == nil {
			continue
		}
		c := v.graph.Stuck(waits[0], graph.Incomplete)
		victims := pidsOf(waits...)
		if slices.ContainsFunc(c.Processes, func(pid int) bool {
			return !slices.Contains(victims, pid) || v.processes[pid].Threads > 1 || v.catchesSignals(pid)
		}) {
			continue
		}
		confidence, lowered := v.graph.ClauseConfidence(waits[0], c)
		list = append(list, finding{Finding: model.Finding{
			Confidence: lower(confidence, model.Likely), LoweredBy: append(lowered, "another process may start to use it"), Since: v.since(waits...),
			Objects: []string{o.ID}, Victims: victims,
			Summary: fmt.Sprintf("%s %s at the semaphore %s, and no other process has its memory: the process that should post it has most likely ended",
				v.subject(victims), verb(len(victims), "waits", "wait"), v.graph.Label(o.ID)),
			Chain: []model.Step{v.stepOf(waits[0], nil)}, Evidence: append(v.evidence(waits...), v.holding(cmp.Or(d.Object, o.ID))),
		}, explains: waits})
	}
	return list
}
