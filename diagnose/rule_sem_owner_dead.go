package diagnose

import (
	"fmt"
	"time"

	"github.com/ipctop/ipctop/model"
)

var semOwnerDeadRule = Rule{
	ID:       "sem-owner-dead",
	Short:    "owner ended",
	Title:    "semaphore never released by a dead process",
	Severity: model.Critical,
	Means: "Processes wait for a System V semaphore whose value is too low, and the process that last changed it has ended. It took the semaphore " +
		"without SEM_UNDO, so its end did not release it.",
	Evidence: "The blocked semop and its operations; the semaphore's value and the pid of its last change (semctl GETPID), of which there is no " +
		"process.",
	Do: "Raise the semaphore, or remove the set (ipcrm -s ID) and restart the processes that use it. Then fix the program: it must use SEM_UNDO.",
	FalseAlarm: "Another process may be about to raise it: a semaphore that counts items is lowered by some processes and raised by others. So the finding is " +
		"likely at most.",
	find: findSemOwnerDead,
}

func findSemOwnerDead(v *view) []finding {
	var list []finding
	for _, o := range v.awaited() {
		d, ok := o.Detail.(*model.SysvSemDetail)
		if !ok {
			continue
		}
		var waits []*model.Wait
		gone := 0
		for _, w := range v.blocked(o.ID, nil) {
			if pid := v.takenBy(w, latest(d.OpTime, d.ChangeTime)); pid != 0 {
				waits, gone = append(waits, w), pid
			}
		}
		if len(waits) == 0 {
			continue
		}
		victims := pidsOf(waits...)
		list = append(list, finding{Finding: model.Finding{
			Confidence: model.Likely, LoweredBy: []string{"any process may raise a semaphore"}, Since: v.since(waits...), Objects: []string{o.ID},
			Victims: victims,
			Summary: fmt.Sprintf("%s %s for semaphores of %s; process %d was the last to change them and has ended", v.subject(victims),
				verb(len(victims), "waits", "wait"), o.ID, gone),
			Chain:    []model.Step{v.stepOf(waits[0], nil)},
			Evidence: append(v.evidence(waits...), model.Evidence{Source: "semctl GETPID of " + o.ID, Text: fmt.Sprintf("%d: there is no such process", gone)}),
			Actions:  v.removeSet(o, victims),
		}, explains: waits})
	}
	return list
}

// removeSet returns the action that removes a semaphore set, which ends every wait for it.
func (v *view) removeSet(o *model.Object, victims []int) []model.Action {
	list := v.ipcrm(o, "-s")
	for i := range list {
		list[i].Effect = "removes the set; " + v.some(victims) + verb(len(victims), " goes on", " go on") + " with an error, as does every other process that uses it"
	}
	return list
}

// takenBy returns the process that has most likely taken a semaphore for which a thread
// waits, if that process has ended; else 0.
func (v *view) takenBy(w *model.Wait, last time.Time) int {
	clauses := v.graph.Clauses(w)
	for i := range clauses {
		for _, pid := range clauses[i].Processes {
			if v.fateOf(pid, last) == ended {
				return pid
			}
		}
	}
	return 0
}
