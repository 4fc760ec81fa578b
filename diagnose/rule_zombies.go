package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/model"
)

var zombiesRule = Rule{
	ID:       "zombies",
	Title:    "ended children that their parent does not collect",
	Severity: model.Warning,
	Means: "Processes have ended, and their parent has not asked for their exit status (wait4). Each keeps its pid and its place in the " +
		"process table; nothing else is left of it. When there are many, no new process can be started.",
	Evidence:   "State Z in /proc/PID/stat, and the parent's pid beside it.",
	Do:         "Fix the parent: it must wait for its children or ignore SIGCHLD. Ending the parent makes them go: init collects them.",
	FalseAlarm: "A parent that is about to collect them has one or a few for a moment. Fewer than 10 are not reported.",
	find:       findZombies,
}

// manyZombies are more than a parent has that is about to collect them.
const manyZombies = 10

func findZombies(v *view) []finding {
	var list []finding
	for i := range v.Processes {
		parent := &v.Processes[i]
		var dead []int
		for _, p := range v.children[parent.PID] {
			if p.State == "Z" && p.Threads <= 1 {
				dead = append(dead, p.PID)
			}
		}
		if len(dead) < manyZombies {
			continue
		}
		list = append(list, finding{Finding: model.Finding{
			Confidence: model.Certain,
			Summary:    fmt.Sprintf("%d children of %s have ended, and it does not collect them", len(dead), v.name(parent.PID)),
			Root:       &model.Root{PID: parent.PID, Comm: parent.Name(), Doing: "does not wait for its children"},
			PIDs:       dead,
			Evidence:   []model.Evidence{{Source: fmt.Sprintf("/proc/%d/stat", dead[0]), Text: fmt.Sprintf("state Z, parent %d; %d like it", parent.PID, len(dead))}},
		}})
	}
	return list
}
