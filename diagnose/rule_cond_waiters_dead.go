package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var condWaitersDeadRule = Rule{
	ID:       "cond-waiters-dead",
	Short:    "waiters killed",
	Title:    "condition variable whose waiters were killed",
	Severity: model.Critical,
	Means: "A thread notifies a condition variable (pthread_cond_signal, pthread_cond_broadcast) and hangs in that call: glibc 2.25 to 2.40 waits there until all " +
		"earlier waiters have left the condition variable, and some were killed while they waited. They never leave, so the condition variable cannot be notified any more, " +
		"and threads that wait for it now are not woken.",
	Evidence: "The blocked futex call and the fields around the futex, in glibc's layout of a condition variable: the count of a group of waiters that is not 0. " +
		"No thread that has the memory runs, or waits in that group.",
	Do: "End all processes that use the memory and recreate it. Then fix the program: a process that may be killed must not wait at a condition variable in " +
		"shared memory; a semaphore, a pipe or an eventfd does not hang in that way.",
	FalseAlarm: "A waiter that was woken and does not get processor time makes the notifier wait for a moment. So nothing is reported as long as a thread that " +
		"has the memory may run, and nothing before 3 s have passed (--min-age), unless it is certain.",
	find: findCondWaitersDead,
}

func findCondWaitersDead(v *view) []finding {
	var list []finding
	for i := range v.Waits {
		w := &v.Waits[i]
		o := v.graph.Object(w.Object)
		if o == nil || !v.aged(w) {
			continue
		}
		if d, ok := o.Detail.(*model.FutexDetail); !ok || d.Type != "cond-notify" {
			continue
		}
		c := v.graph.Stuck(w, graph.Incomplete)
		if c == nil || len(v.graph.Releasers(c, w)) > 0 {
			continue
		}
		confidence, lowered := v.graph.ClauseConfidence(w, c)
		confidence, lowered, old := v.lasting(confidence, lowered, w)
		if !old {
			continue
		}
		waits := append([]*model.Wait{w}, v.graph.Behind(w, graph.Incomplete)...)
		list = append(list, finding{Finding: model.Finding{
			Confidence: confidence, Severity: severityOf(confidence), LoweredBy: lowered, Since: v.began(w), Objects: []string{o.ID}, Victims: pidsOf(waits...),
			Summary: fmt.Sprintf("%s notifies the condition variable at %s and waits for waiters that were killed", v.name(w.PID), v.graph.Label(o.ID)),
			Chain:   []model.Step{v.stepOf(w, nil)}, Evidence: v.evidence(w), Actions: v.endOne([]int{w.PID}, waits),
		}, explains: waits})
	}
	return list
}
