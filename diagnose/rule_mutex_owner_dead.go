package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var mutexOwnerDeadRule = Rule{
	ID:       "mutex-owner-dead",
	Short:    "owner ended",
	Title:    "abandoned mutex",
	Severity: model.Critical,
	Means: "Threads wait for a mutex or read-write lock that its owner will never unlock: the thread has ended. A mutex that is not robust stays locked " +
		"for ever then, in shared memory even beyond the end of the program. The same is true of a process that was forked while another thread had " +
		"the mutex: fork copies the locked mutex, but not the thread that would unlock it.",
	Evidence: "The futex and the fields around it, as the C library lays them out: they name the owner, and there is no such thread.",
	Do: "End all processes that use the memory and recreate it. Then fix the program: make the mutex robust (PTHREAD_MUTEX_ROBUST) and have it handle " +
		"EOWNERDEAD. A process that was forked while a lock was held has to be ended; a program with several threads should fork before it starts them, " +
		"call exec at once, or lock around the fork (pthread_atfork; in Python the start methods spawn and forkserver).",
	FalseAlarm: "A thread id means another thread in another pid namespace. So the owner is said to have ended only if all processes that map the futex are " +
		"in one pid namespace, and no thread there has the id. Memory that only looks like a mutex would be misread, but all fields around it would have to fit.",
	find: findMutexOwnerDead,
}

func findMutexOwnerDead(v *view) []finding {
	var list []finding
	for _, o := range v.awaited() {
		d, ok := o.Detail.(*model.FutexDetail)
		if !ok || d.Type == "join" {
			continue
		}
		tid, owned := d.OwnerTID.Get()
		number, inside := d.OwnerNumber.Get()
		waits := v.blocked(o.ID, nil)
		if !owned && !inside || !d.Inherited && !d.OwnerGone() || len(waits) == 0 {
			continue
		}
		behind := waits
		for _, w := range waits {
			behind = append(behind, v.graph.Behind(w, graph.Incomplete)...)
		}
		released := behind
		for _, w := range waits {
			if p := v.processes[w.PID]; p != nil {
				released = append(released, v.waitsOf[p.PPID]...) // a parent may wait for its end
			}
		}
		victims := pidsOf(waits...)
		whose, text := fmt.Sprintf("whose owner, thread %d, has ended", tid), fmt.Sprintf("owner %d: there is no such thread", tid)
		if inside {
			whose = fmt.Sprintf("whose owner, thread %d of their pid namespace, has ended", number)
			text = fmt.Sprintf("owner %d: there is no such thread in the pid namespace of all who can reach it", number)
		}
		if d.Inherited {
			parent := d.OwnerPID.Or(0)
			whose = fmt.Sprintf("locked by thread %d of %s when this process was forked", tid, v.name(parent))
			text = fmt.Sprintf("owner %d: a thread of %s, of whose memory this is a copy", tid, v.name(parent))
		}
		list = append(list, finding{Finding: model.Finding{
			Confidence: model.Certain, Since: v.since(waits...), Objects: []string{o.ID}, Victims: pidsOf(behind...),
			Summary: fmt.Sprintf("%s %s for the %s %s, %s", v.subject(victims), verb(len(victims), "waits", "wait"), d.Type, o.ID, whose),
			Chain:   []model.Step{v.stepOf(waits[0], nil)}, Actions: v.endOne(victims, released),
			Evidence: append(v.evidence(waits...), model.Evidence{Source: o.ID, Text: text}),
		}, explains: behind})
	}
	return list
}
