package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var deadlockRule = Rule{
	ID:       "deadlock",
	Title:    "deadlock",
	Severity: model.Critical,
	Means: "Threads wait for each other in a circle, and for nobody else: none of them will ever continue by itself. The mechanisms may differ: a full " +
		"pipe here, a file lock there. Every thread that waits for one of them is stuck, too.",
	Evidence: "What each of them is blocked in (/proc/PID/task/TID/syscall), unchanged across two samples between which none has run; and the only processes " +
		"that could release it: the owner of a lock, the holders of a pipe's other end, a child.",
	Do: "End one of them. An action is offered only if it releases a process. If no action is offered, all of them have to end, as with mutexes that are not " +
		"robust: they stay locked when their owner ends. Then fix the order in which the programs take their locks, or have one of them read while it writes.",
	FalseAlarm: "A thread that sleeps for a limited time or has a timer set will act, so it is no part of a deadlock; the only exceptions are the " +
		"housekeeping threads of the Java, Go and Node.js runtimes. Threads that merely wait for work are idle. So is a circle in which nobody " +
		"holds a lock or fills a buffer and one thread catches a signal, whose handler may set them going. It is certain only where every holder is " +
		"known, nothing has a time limit, and each thread has waited for longer than the scan took; a signal from outside or a debugger can still " +
		"free them. It is likely where semaphores are involved, which any process may raise, where a process catches SIGALRM or waits for the signal that the end of a child sends, and where some " +
		"processes could not be read and may hold something. It is possible, and a warning, where a descriptor is in flight, holders are missing " +
		"for another reason, or a signal handler may post what a thread waits for. What is not certain is reported only when none of the threads " +
		"has run for 3 s (--min-age); the live view and ipctop log report it only after two scans.",
	find: findDeadlock,
}

func findDeadlock(v *view) []finding {
	var list []finding
	for _, d := range v.graph.Deadlocks() {
		confidence, lowered, old := v.lasting(d.Confidence, d.LoweredBy, d.Waits...)
		if !old {
			continue
		}
		var steps []model.Step
		objects := objectsOf(d.Waits[:d.Circle]...)
		circle := d.Waits[:d.Circle]
		for i, w := range circle {
			steps = append(steps, v.stepOf(w, v.inCircle(w, circle[(i+1)%len(circle)])))
		}
		pids := pidsOf(d.Waits...)
		all := slices.Concat(d.Waits, d.Victims)
		f := finding{Finding: model.Finding{
			Confidence: confidence, Severity: severityOf(confidence), LoweredBy: lowered, Since: latestOf(v, circle), Objects: objects,
			Victims: pidsOf(all...), Chain: steps, Evidence: append(v.evidence(circle...), v.processesThatTook(d.Waits)...), Actions: v.endOne(pids, all),
			Summary: v.circle(&d, pids),
		}, explains: all}
		list = append(list, f)
	}
	return list
}

// severityOf returns the severity of threads that are blocked for good, by the confidence.
func severityOf(c model.Confidence) model.Severity {
	if c == model.Possible {
		return model.Warning
	}
	return model.Critical
}

// lasting reports whether threads that seem blocked for good have been blocked long enough to
// report them; what is certain is reported at once. If the age of one of the waits is
// unknown, the confidence is at most possible.
func (v *view) lasting(c model.Confidence, lowered []string, waits ...*model.Wait) (model.Confidence, []string, bool) {
	if c == model.Certain || v.DeadlockAge == 0 {
		return c, lowered, true
	}
	known := false
	for _, w := range waits {
		age, ok := w.BlockedFor.Get()
		switch {
		case ok && time.Duration(age) < v.DeadlockAge:
			return c, lowered, false
		case ok:
			known = true
		default:
			c, lowered = model.Possible, append(lowered, "how long "+v.name(w.PID)+" has not run is not known")
		}
	}
	return c, lowered, known
}

// processesThatTook returns, for each shared semaphore at which the threads wait, what is known about the process that took
// it: nothing records that process, but every living one that maps the semaphore is blocked.
func (v *view) processesThatTook(waits []*model.Wait) []model.Evidence {
	var list []model.Evidence
	for _, id := range objectsOf(waits...) {
		o := v.graph.Object(id)
		if o == nil {
			continue
		}
		if d, ok := o.Detail.(*model.FutexDetail); !ok || d.Type != "sem" || d.Object == "" {
			continue
		}
		list = append(list, model.Evidence{
			Source: id, Text: "value 0, and every process that maps it is blocked: if none of them took it, the one that did has ended without posting it",
		})
	}
	return list
}

// circle describes a deadlock in a sentence.
func (v *view) circle(d *graph.Deadlock, pids []int) string {
	text := ""
	switch {
	case len(pids) == 1:
		text = fmt.Sprintf("%d threads of %s wait for each other", len(d.Waits), v.name(pids[0]))
	case len(pids) == 2:
		text = v.name(pids[0]) + " and " + v.name(pids[1]) + " wait for each other"
	default:
		var names []string
		for _, w := range d.Waits {
			if name := v.name(w.PID); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		text = fmt.Sprintf("%d processes wait for each other: %s", len(pids), joinNames(names))
		text = strings.ReplaceAll(text, " or ", ", ")
	}
	var words []string
	for _, e := range v.processesThatTook(d.Waits) {
		words = append(words, e.Source)
	}
	switch len(words) {
	case 0:
	case 1:
		text += "; if none of them took " + words[0] + ", who took it has ended without posting it"
	default:
		text += "; if none of them took one of " + joinNames(words) + ", who took it has ended without posting it"
	}
	if n := len(pidsOf(d.Victims...)); n > 0 {
		text += fmt.Sprintf("; %d more %s for them", n, verb(n, "waits", "wait"))
	}
	return text
}

// inCircle returns the clause of w that the thread of next is to fulfil.
func (v *view) inCircle(w, next *model.Wait) *graph.Clause {
	clauses := v.graph.Clauses(w)
	for i := range clauses {
		c := &clauses[i]
		if slices.Contains(c.Processes, next.PID) || slices.Contains(c.Threads, next.TID) {
			return c
		}
	}
	if len(clauses) > 0 {
		return &clauses[0]
	}
	return nil
}
