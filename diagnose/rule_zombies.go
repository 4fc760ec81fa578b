package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ipctop/ipctop/model"
)

var zombiesRule = Rule{
	ID:       "zombies",
	Title:    "zombies not reaped",
	Severity: model.Warning,
	Means: "Processes have ended, and their parent has not asked for their exit status (wait4). Each keeps its pid and its place in the " +
		"process table; nothing else is left of it. When there are many, no new process can be started.",
	Evidence: "State Z in /proc/PID/stat, and the parent's pid beside it; of a parent with few of them also that it blocks SIGCHLD, or that none of its threads has " +
		"run for 10 seconds.",
	Do: "Fix the parent: it must wait for its children or ignore SIGCHLD. If the parent ends, init reaps them.",
	FalseAlarm: "A parent that is about to reap them has one or a few for a moment. Fewer than 10 are only worth knowing (info), and are reported only if the " +
		"parent blocks SIGCHLD while it waits for no signal, or has not run for 10 seconds.",
	find: findZombies,
}

const (
	// manyZombies is more than a parent has that is about to reap them.
	manyZombies = 10

	// uncollectedFor is how long a parent may sleep before it counts as one that does not reap its children.
	uncollectedFor = 10 * time.Second
)

func findZombies(v *view) []finding {
	var list []finding
	for i := range v.Processes {
		parent := v.Processes[i]
		var ended []int
		for _, p := range v.children[parent.PID] {
			if dead(p) {
				ended = append(ended, p.PID)
			}
		}
		severity, why := model.Warning, ""
		if len(ended) < manyZombies {
			if severity, why = model.Info, v.forgets(parent); len(ended) == 0 || why == "" {
				continue
			}
		}
		f := finding{about: "children", Finding: model.Finding{
			Severity: severity, Confidence: model.Certain,
			Summary: fmt.Sprintf("%d %s of %s %s ended, and it does not reap %s", len(ended), verb(len(ended), "child", "children"), v.name(parent.PID),
				verb(len(ended), "has", "have"), verb(len(ended), "it", "them")),
			Root: v.root(parent.PID, "does not wait for its children"),
			PIDs: ended,
			Evidence: []model.Evidence{{
				Source: fmt.Sprintf("/proc/%d/stat", ended[0]), Text: fmt.Sprintf("state Z, parent %d; %d like it", parent.PID, len(ended)),
			}},
		}}
		if why != "" {
			f.Evidence = append(f.Evidence, model.Evidence{Source: fmt.Sprintf("/proc/%d/task/*/syscall, status", parent.PID), Text: why})
		}
		list = append(list, f)
	}
	return list
}

// forgets says why a parent is unlikely to reap its few zombies; "" if it may reap them.
func (v *view) forgets(p *model.Process) string {
	if halted(p) {
		return "" // it can reap them when it runs again
	}
	idle, known := v.asleep(p.PID)
	if !known || idle < v.MinAge {
		return ""
	}
	for _, w := range v.waitsOf[p.PID] {
		if w.Needs == model.NeedsSignal || w.Needs == model.NeedsChild {
			return "" // this wait ends when a child ends
		}
	}
	if s := p.Signals; s != nil && slices.Contains(s.Blocked, "SIGCHLD") && (slices.Contains(s.SharedPending, "SIGCHLD") || slices.Contains(s.Pending, "SIGCHLD")) &&
		v.signalfdFor(p.PID, []string{"SIGCHLD"}) == "" {
		return "it blocks SIGCHLD, which is pending"
	}
	if idle >= uncollectedFor {
		return "no thread of it has run for " + strconv.Itoa(int(idle.Seconds())) + " s"
	}
	return ""
}
