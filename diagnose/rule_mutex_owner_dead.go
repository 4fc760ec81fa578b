package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/model"
)

var mutexOwnerDeadRule = Rule{
	ID:       "mutex-owner-dead",
	Title:    "mutex whose owner has ended",
	Severity: model.Critical,
	Means: "Threads wait for a mutex or read-write lock that its owner will never unlock: the thread has ended. A mutex that is not robust stays locked " +
		"for ever then, in shared memory even beyond the end of the program.",
	Evidence: "The lock word and the fields around it, as the C library lays them out: they name the owner, and there is no such thread.",
	Do: "End all processes that use the memory and make it anew. Then fix the program: make the mutex robust (PTHREAD_MUTEX_ROBUST) and have it handle " +
		"EOWNERDEAD.",
	FalseAlarm: "A number of another pid namespace means another thread; such owners are not reported. A word that only looks like a mutex would be " +
		"misread, but all of its neighbours would have to fit.",
	find: findMutexOwnerDead,
}

func findMutexOwnerDead(v *view) []finding {
	var list []finding
	for i := range v.Objects {
		o := &v.Objects[i]
		d, ok := o.Detail.(*model.FutexDetail)
		if !ok || d.Type == "join" {
			continue
		}
		tid, owned := d.OwnerTID.Get()
		alive, known := d.OwnerAlive.Get()
		waits := v.blocked(o.ID, nil)
		if !owned || !known || alive || len(waits) == 0 {
			continue
		}
		victims := pidsOf(waits...)
		f := finding{Finding: model.Finding{
			Confidence: model.Certain, Since: v.since(waits...), Objects: []string{o.ID}, Victims: victims,
			Summary: fmt.Sprintf("%s %s for the %s %s, whose owner, thread %d, has ended", v.subject(victims), verb(len(victims), "waits", "wait"),
				d.Type, o.ID, tid),
			Chain:    []model.Step{v.stepOf(waits[0], nil)},
			Evidence: append(v.evidence(waits...), model.Evidence{Source: o.ID, Text: fmt.Sprintf("owner %d: there is no such thread", tid)}),
		}, explains: waits}
		for _, pid := range victims {
			f.Actions = append(f.Actions, v.kill(pid, "ends "+v.name(pid)+"; the lock stays as it is"))
		}
		list = append(list, f)
	}
	return list
}
