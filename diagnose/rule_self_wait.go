package diagnose

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var selfWaitRule = Rule{
	ID:       "self-wait",
	Title:    "process that waits for itself",
	Severity: model.Critical,
	Means: "A process waits for something that only itself could bring: it reads from a pipe or socket whose other end nobody but itself has, from its " +
		"own eventfd, or wants a lock that another of its descriptors holds. It will never go on. glibc also puts a thread to sleep like this, at a word " +
		"on its own stack, when it is about to close a circle of mutexes with priority inheritance: the kernel has told it of the deadlock.",
	Evidence: "What it is blocked in (/proc/PID/task/TID/syscall), unchanged in two looks, and the holders of the object: no other process is among " +
		"them, and the process has no other thread that could act.",
	Do: "End it. Then fix the program: it must close the end that it does not use, most often the write end of a pipe after fork.",
	FalseAlarm: "A program may be woken by a signal and write to such a pipe in the handler, so processes that catch signals are not reported " +
		"(likely, where SIGINT alone is caught, as interpreters do). Where processes could not be read it is likely at most.",
	find: findSelfWait,
}

func findSelfWait(v *view) []finding {
	var list []finding
	for i := range v.Waits {
		w := &v.Waits[i]
		if !w.Confirmed || !v.aged(w) || v.graph.Stuck(w, graph.Strong) == nil {
			continue
		}
		c := v.graph.Stuck(w, graph.Strong)
		if c.Object == "" || !slices.Equal(c.Processes, []int{w.PID}) || len(v.graph.Releasers(c, w)) > 0 {
			continue
		}
		confidence, lowered := v.graph.Sure(w, c)
		switch handlers(v.processes[w.PID]) {
		case handlesNothing:
		case handlesInterrupt:
			confidence, lowered = lower(confidence, model.Likely), append(lowered, v.name(w.PID)+" catches SIGINT: the handler could do it")
		default:
			continue
		}
		behind := v.graph.Behind(w, graph.Strong)
		summary := v.name(w.PID) + " waits for itself: it " + v.graph.Wants(w) + ", and nobody else " + c.How
		if n := len(pidsOf(behind...)); n > 0 {
			summary += fmt.Sprintf("; %d %s for it", n, verb(n, "process waits", "processes wait"))
		}
		list = append(list, finding{Finding: model.Finding{
			Confidence: confidence, LoweredBy: lowered, Since: v.began(w), Objects: []string{c.Object}, Victims: append(pidsOf(behind...), w.PID),
			Root: v.root(w.PID, v.graph.Wants(w)), Summary: summary,
			Chain: []model.Step{v.stepOf(w, nil)}, Evidence: append(v.evidence(w), v.holding(c.Object)),
			Actions: []model.Action{v.kill(w.PID, "ends "+v.name(w.PID))},
		}, explains: append([]*model.Wait{w}, behind...)})
	}
	return list
}

// handling is what signal handlers of a process may be there for.
type handling int

const (
	handlesNothing   handling = iota
	handlesInterrupt          // to end the program, as interpreters do
	handlesSomething          // which may be what a thread waits for: write and sem_post may be called in a handler (signal-safety(7))
)

// handlers tells what signals a process catches; faults do not count.
func handlers(p *model.Process) handling {
	if p == nil || p.Signals == nil || p.Signals.Caught == nil {
		return handlesSomething
	}
	h := handlesNothing
	for _, s := range p.Signals.Caught {
		switch s {
		case "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS", "SIGPIPE", "SIG32", "SIG33":
		case "SIGINT":
			h = max(h, handlesInterrupt)
		default:
			return handlesSomething
		}
	}
	return h
}

// lower is the lesser of two confidences.
func lower(a, b model.Confidence) model.Confidence {
	if a.Rank() > b.Rank() {
		return a
	}
	return b
}
