package diagnose

import (
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

var fifoOpenWaitsRule = Rule{
	ID:       "fifo-open-waits",
	Short:    "FIFO open",
	Title:    "open of a FIFO that nobody opens from the other end",
	Severity: model.Warning,
	Means: "A process opens a FIFO and waits for longer than --min-age: an open for reading returns when somebody opens it for writing, and the other way " +
		"round. Nobody does.",
	Evidence:   "The blocked open (/proc/PID/task/TID/syscall), the path in the process's memory, and that the thread sleeps in wait_for_partner.",
	Do:         "Start the program for the other end. A program that must not wait opens the FIFO with O_NONBLOCK, or with O_RDWR.",
	FalseAlarm: "A server may open its FIFO and wait for the first client like this, for as long as it takes, which is normal.",
	find:       findFIFOOpenWaits,
}

func findFIFOOpenWaits(v *view) []finding {
	var list []finding
	var order []string
	byFIFO := map[string][]*model.Wait{} // by its id or path; by process where neither is known
	for i := range v.Waits {
		w := &v.Waits[i]
		if !strings.HasPrefix(w.Call, "open") || w.Needs != model.NeedsPeer || !v.aged(w) {
			continue
		}
		key := w.Object
		if key == "" && w.Target != nil {
			key = w.Target.Path
		}
		if key == "" {
			key = strconv.Itoa(w.PID)
		}
		if byFIFO[key] == nil {
			order = append(order, key)
		}
		byFIFO[key] = append(byFIFO[key], w)
	}
	for _, key := range order {
		waits := byFIFO[key]
		wants := v.graph.Wants(waits[0])
		pids := pidsOf(waits...)
		f := finding{Finding: model.Finding{
			Confidence: model.Certain, Since: v.since(waits...), Victims: pids, Objects: objectsOf(waits...), Root: v.root(waits[0].PID, wants),
			Summary:  v.subject(pids) + " " + wants + ", and nobody opens the other end",
			Evidence: v.evidence(waits...),
		}, explains: waits}
		if len(f.Objects) == 0 {
			f.about = key
		}
		if len(pids) > 1 {
			f.Summary = v.subject(pids) + " wait for the other end of a FIFO, and nobody opens it: " + v.list(pids[:1]) + " " + wants
		}
		for _, w := range waits {
			f.Chain = append(f.Chain, v.stepOf(w, nil))
		}
		list = append(list, f)
	}
	return list
}
