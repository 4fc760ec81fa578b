package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var deadlockRule = Rule{
	ID:       "deadlock",
	Title:    "deadlock",
	Severity: model.Critical,
	Means: "Threads wait for each other in a circle, and for nobody else: none of them will ever go on by itself. The mechanisms may differ: a full " +
		"pipe here, a file lock there. Whoever waits for one of them waits for good, too.",
	Evidence: "What each of them is blocked in (/proc/PID/task/TID/syscall), unchanged in two looks between which none has run; and who alone could " +
		"release it: the owner of a lock, the holders of a pipe's other end, a child.",
	Do: "End one of them; which one costs least only you know. Then fix the order in which the programs take their locks, or have one of them read " +
		"while it writes.",
	FalseAlarm: "It is certain only where every holder is known, nothing has a time limit, and each has waited for longer than the scan took. A signal " +
		"from outside or a debugger can still free them. It is likely where semaphores are involved, which anyone may raise, where a process catches " +
		"SIGALRM, where threads that sleep for a limited time were left out of account, and where processes could not be read, any of " +
		"which may hold a thing, too. It is possible where a descriptor is in flight or holders are missing for another reason.",
	find: findDeadlock,
}

func findDeadlock(v *view) []finding {
	var list []finding
	for _, d := range v.graph.Deadlocks() {
		var steps []model.Step
		var actions []model.Action
		objects := objectsOf(d.Waits[:d.Circle]...)
		circle := d.Waits[:d.Circle]
		for i, w := range circle {
			steps = append(steps, v.stepOf(w, v.inCircle(w, circle[(i+1)%len(circle)])))
		}
		pids := pidsOf(d.Waits...)
		for _, pid := range pids {
			actions = append(actions, v.kill(pid, "ends "+v.name(pid)+"; what it holds is released"))
		}
		if slices.ContainsFunc(d.Waits, v.onMutex) {
			for i := range actions {
				actions[i].Effect = "ends " + v.name(pids[i]) + "; a mutex that it has locked stays locked if it is not robust"
			}
		}
		victims := pidsOf(slices.Concat(d.Waits, d.Victims)...)
		f := finding{Finding: model.Finding{
			Confidence: d.Confidence, LoweredBy: d.LoweredBy, Since: latestOf(v, circle), Objects: objects, Victims: victims, Chain: steps,
			Evidence: v.evidence(circle...), Actions: actions, Summary: v.circle(&d, pids),
		}, explains: slices.Concat(d.Waits, d.Victims)}
		list = append(list, f)
	}
	return list
}

// circle is a deadlock in a sentence.
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
		text = fmt.Sprintf("%d processes wait for each other: %s", len(pids), few(names))
		text = strings.ReplaceAll(text, " or ", ", ")
	}
	if n := len(pidsOf(d.Victims...)); n > 0 {
		text += fmt.Sprintf("; %d more %s for them", n, verb(n, "waits", "wait"))
	}
	return text
}

// inCircle is the clause of a wait that another one is to fulfil.
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

// onMutex reports whether a wait is for a lock word that has an owner.
func (v *view) onMutex(w *model.Wait) bool {
	o := v.objects[w.Object]
	return o != nil && o.Kind == model.Futex && v.graph.Firm(w)
}
