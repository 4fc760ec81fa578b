package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var selfWaitRule = Rule{
	ID:       "self-wait",
	Title:    "process that waits for itself",
	Severity: model.Critical,
	Means: "A process waits for something that only the process itself could provide: it reads from a pipe or socket whose other end no other process has, from its " +
		"own eventfd or from a timer that is not set. Or it waits for a lock that it already holds: through another of its descriptors, or because a signal interrupted it " +
		"while it held a mutex (malloc's, for instance) that the signal handler needs, too. It will never continue. glibc also puts a thread to sleep like this, " +
		"on a futex on its own stack, if the next mutex with priority inheritance would close a circle: the kernel has reported the deadlock to it.",
	Evidence: "What it is blocked in (/proc/PID/task/TID/syscall), unchanged across two samples, and the holders of the object: no other process is among " +
		"them, and the process has no other thread that could act.",
	Do: "End it. Then fix the program: it must close the end that it does not use, most often the write end of a pipe after fork; a signal handler may " +
		"call only functions that are safe there (signal-safety(7)), and takes no lock.",
	FalseAlarm: "A program may be woken by a signal and write to such a pipe in the handler, so processes that catch signals are not reported but for " +
		"locks and full buffers, which no handler gives back (likely, where SIGINT alone is caught, as interpreters do). Nor are those that read a counter to which io_uring, AIO, KVM or VFIO may add. Where processes " +
		"could not be read it is likely at most. What is not certain is reported when the thread has not run for 3 s (--min-age).",
	find: findSelfWait,
}

func findSelfWait(v *view) []finding {
	var list []finding
	for i := range v.Waits {
		w := &v.Waits[i]
		if !w.Confirmed || !v.aged(w) {
			continue
		}
		c := v.graph.Stuck(w, graph.Incomplete)
		why := v.onItself(w, c)
		if why == "" {
			continue
		}
		confidence, lowered := v.graph.ClauseConfidence(w, c)
		confidence, lowered, old := v.lasting(confidence, lowered, w)
		if !old {
			continue
		}
		behind := v.graph.Behind(w, graph.Incomplete)
		summary := v.name(w.PID) + " waits for itself: it " + v.graph.Wants(w) + why
		if n := len(pidsOf(behind...)); n > 0 {
			summary += fmt.Sprintf("; %d %s for it", n, verb(n, "process waits", "processes wait"))
		}
		list = append(list, finding{Finding: model.Finding{
			Confidence: confidence, Severity: severityOf(confidence), LoweredBy: lowered, Since: v.began(w), Objects: []string{c.Object},
			Victims: append(pidsOf(behind...), w.PID), Root: v.root(w.PID, v.graph.Wants(w)), Summary: summary,
			Chain: []model.Step{v.stepOf(w, nil)}, Evidence: append(v.evidence(w), v.holding(c.Object)), Actions: v.endOne([]int{w.PID}, behind),
		}, explains: append([]*model.Wait{w}, behind...)})
	}
	return list
}

// onItself says why a thread that is blocked for good waits only for its own process; "" if
// it does not, or if a signal handler may provide what it waits for.
func (v *view) onItself(w *model.Wait, c *graph.Clause) string {
	if c == nil || c.Object == "" {
		return ""
	}
	if d, ok := v.graph.Object(c.Object).Detail.(*model.FutexDetail); ok && d.OwnerTID == model.Some(w.TID) {
		if w.Handler != "" {
			return ", which it has locked itself before it was interrupted: it is in " + handlerOf(w)
		}
		return ", which it has locked itself"
	}
	if len(v.graph.Releasers(c, w)) > 0 {
		return ""
	}
	if w.Handler == "" && !slices.Equal(c.Processes, []int{w.PID}) {
		return ""
	}
	if w.Handler != "" {
		return " in " + handlerOf(w) + ", and nobody else " + c.How + ": the code that the signal interrupted has most likely locked it"
	}
	if v.catchesSignals(w.PID) && !v.graph.Firm(w) {
		return ""
	}
	return ", and nobody else " + c.How
}

// lower returns the lower of two confidences.
func lower(a, b model.Confidence) model.Confidence {
	if a.Rank() > b.Rank() {
		return a
	}
	return b
}

// catchesSignals reports whether a process catches signals whose handlers may release a
// waiting thread.
func (v *view) catchesSignals(pid int) bool {
	c, _ := v.graph.Catches(v.processes[pid])
	return c == graph.CatchesSignals
}

// handlerOf names the signal handler that a thread is running.
func handlerOf(w *model.Wait) string {
	if strings.HasPrefix(w.Handler, "SIG") {
		return "its handler of " + w.Handler
	}
	return "a signal handler"
}
