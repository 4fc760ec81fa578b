package diagnose

import (
	"strings"

	"github.com/ipctop/ipctop/model"
)

var fifoOpenWaitsRule = Rule{
	ID:       "fifo-open-waits",
	Title:    "open of a FIFO that nobody opens from the other end",
	Severity: model.Warning,
	Means: "A process opens a FIFO and waits for longer than --min-age: an open for reading returns when somebody opens it for writing, and the other way " +
		"round. Nobody does.",
	Evidence:   "The blocked open (/proc/PID/task/TID/syscall), the path in the process's memory, and that the thread sleeps in wait_for_partner.",
	Do:         "Start the program for the other end. Whoever must not wait opens the FIFO with O_NONBLOCK, or with O_RDWR.",
	FalseAlarm: "A server may open its FIFO and wait for the first client like this, for as long as it takes; that is no fault.",
	find:       findFIFOOpenWaits,
}

func findFIFOOpenWaits(v *view) []finding {
	var list []finding
	for i := range v.Waits {
		w := &v.Waits[i]
		if !strings.HasPrefix(w.Call, "open") || w.Needs != "peer" || !v.aged(w) {
			continue
		}
		list = append(list, finding{Finding: model.Finding{
			Confidence: model.Certain, Since: v.began(w), Victims: []int{w.PID}, Objects: objectsOf(w), Root: v.root(w.PID, v.graph.Wants(w)),
			Summary: v.name(w.PID) + " " + v.graph.Wants(w) + ", and nobody opens the other end",
			Chain:   []model.Step{v.stepOf(w, nil)}, Evidence: v.evidence(w),
			Actions: []model.Action{v.kill(w.PID, "ends "+v.name(w.PID))},
		}, explains: []*model.Wait{w}})
	}
	return list
}
