package diagnose

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var lockInheritedRule = Rule{
	ID:       "lock-inherited",
	Short:    "lock inherited",
	Title:    "lock held through an inherited descriptor",
	Severity: model.Warning,
	Means: "Processes wait for a lock whose owner by /proc/locks and lslocks has ended. Locks of flock and of open file descriptions live as long as the " +
		"description, and a process that inherited it still has it open, perhaps without knowing of the lock.",
	Evidence: "/proc/locks names a pid of which there is no process; lock: lines in the fdinfo of the inheritors show the lock; each of them was started after " +
		"that process; and the blocked call of those who wait.",
	Do: "End the inheritors, or have them close the descriptor. Then fix the program: open the lock file with O_CLOEXEC (flock(1): option -o).",
	FalseAlarm: "A wrapper may take a lock for a daemon that is to keep it as long as it lives. Then the lock does what it is for. A script that locks a descriptor " +
		"of its own with flock(1) is older than that and no inheritor: it holds the lock.",
	find: findLockInherited,
}

func findLockInherited(v *view) []finding {
	var list []finding
	if !v.allListed {
		return nil
	}
	for _, o := range v.awaited() {
		for _, l := range graph.Locks(o) {
			pid, named := l.PID.Get()
			if l.Blocked || !named || l.Type == "posix" || l.Type == "lease" || !v.inheritedFrom(pid, l.Holders) {
				continue
			}
			waits := v.blocked(o.ID, func(w *model.Wait) bool { return w.Needs == model.NeedsLock && v.waitsForAny(w, l.Holders) })
			if len(waits) == 0 {
				continue
			}
			victims := pidsOf(waits...)
			end := v.graph.Doing(l.Holders[0])
			list = append(list, finding{Finding: model.Finding{
				Confidence: model.Certain, Since: v.since(waits...), Objects: []string{o.ID}, Victims: victims, Root: v.rootOf(&end), PIDs: l.Holders,
				Summary: fmt.Sprintf("%s %s for %s, locked by process %d, which has ended: %s inherited the lock", v.subject(victims),
					verb(len(victims), "waits", "wait"), v.graph.Label(o.ID), pid, v.subject(l.Holders)),
				Chain: []model.Step{v.stepOf(waits[0], nil)},
				Evidence: append(v.evidence(waits...), model.Evidence{
					Source: "/proc/locks", Text: fmt.Sprintf("%s %s %d: there is no such process", l.Type, l.Mode, pid),
				}, v.holding(o.ID)),
				Actions: v.endAll(l.Holders, waits),
			}, explains: waits})
			break
		}
	}
	return list
}

// inheritedFrom reports whether a process has ended and all holders of its lock may have
// inherited the lock from it. The kernel assigns pids in ascending order, so a process with
// a lower pid existed before and cannot have inherited it.
func (v *view) inheritedFrom(pid int, holders []int) bool {
	if p := v.processes[pid]; p != nil && !dead(p) || len(holders) == 0 {
		return false
	}
	return slices.Min(holders) > pid
}

// waitsForAny reports whether one of the processes could release a wait.
func (v *view) waitsForAny(w *model.Wait, pids []int) bool {
	clauses := v.graph.Clauses(w)
	for i := range clauses {
		for _, pid := range clauses[i].Processes {
			for _, p := range pids {
				if p == pid {
					return true
				}
			}
		}
	}
	return false
}
