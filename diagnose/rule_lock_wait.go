package diagnose

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var lockWaitRule = Rule{
	ID:       "lock-wait",
	Title:    "wait for a lock that somebody keeps",
	Severity: model.Warning,
	Means: "Processes wait for a lock on a file or for a mutex for longer than --min-age, and who holds it does something else. Nothing is wrong " +
		"with the lock; the question is what its holder does.",
	Evidence: "The blocked call (/proc/PID/task/TID/syscall), /proc/locks with the lock: lines of fdinfo, or the owner that the lock word names.",
	Do:       "Look at what the holder does (ipctop why PID). Ending it releases a file lock; a mutex that is not robust stays locked.",
	FalseAlarm: "Locks are there to be waited for. A holder that works, and releases the lock soon, is no fault; raise --min-age to what is usual for " +
		"you. Servers whose processes take turns at accept by a lock are not reported.",
	find: findLockWait,
}

func findLockWait(v *view) []finding {
	var list []finding
	for i := range v.Objects {
		o := &v.Objects[i]
		waits := v.blocked(o.ID, func(w *model.Wait) bool {
			return w.Needs == model.NeedsLock && v.graph.Firm(w) && o.Kind != model.SysvSem // which nobody owns
		})
		if len(waits) == 0 {
			continue
		}
		chain := v.graph.Chain(waits[0])
		holders := v.lockHolders(waits)
		if len(holders) == 0 || chain.End.Process == nil {
			continue
		}
		root := holders[0]
		if slices.Contains(holders, chain.End.Process.PID) {
			root = chain.End.Process.PID
		}
		end := v.graph.Doing(root)
		victims := slices.DeleteFunc(pidsOf(waits...), func(pid int) bool { return pid == root })
		if len(victims) == 0 || v.serving(&chain.End) {
			continue // threads of one process, for a lock of their own; or servers that take turns at accept
		}
		confidence, lowered := v.chainSure(&graph.Chain{Steps: chain.Steps[:1]})
		f := finding{Finding: model.Finding{
			Confidence: confidence, LoweredBy: lowered, Since: v.since(waits...), Objects: []string{o.ID}, Victims: victims, Root: v.rootOf(&end),
			Summary: fmt.Sprintf("%s %s for %s, locked by %s, which %s", v.subject(victims), verb(len(victims), "waits", "wait"), v.graph.Label(o.ID),
				v.name(root), end.Doing),
			Chain: v.chain(graph.Chain{Steps: chain.Steps[:1]}), Evidence: v.evidence(waits...), PIDs: holders,
		}, explains: waits}
		if o.Kind == model.File {
			f.Actions = []model.Action{v.kill(root, "ends "+v.name(root)+"; its locks on files are released")}
		}
		list = append(list, f)
	}
	return list
}

// serving reports whether a chain ends at a process that waits for a connection.
func (v *view) serving(e *graph.End) bool {
	w := v.waits[e.TID]
	return e.Kind == graph.Idle && w != nil && v.graph.Serves(w)
}

// lockHolders are the processes that hold what some waits are for.
func (v *view) lockHolders(waits []*model.Wait) []int {
	var pids []int
	for _, w := range waits {
		clauses := v.graph.Clauses(w)
		for i := range clauses {
			pids = append(pids, v.graph.Releasers(&clauses[i], w)...)
		}
	}
	return set(pids)
}
