package diagnose

import (
	"fmt"
	"maps"
	"slices"
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
	byPID := map[int][]*model.Wait{}
	for i := range v.Waits {
		w := &v.Waits[i]
		if strings.HasPrefix(w.Call, "open") && w.Needs == model.NeedsPeer && v.aged(w) {
			byPID[w.PID] = append(byPID[w.PID], w)
		}
	}
	for _, pid := range slices.Sorted(maps.Keys(byPID)) {
		waits := byPID[pid]
		wants := v.graph.Wants(waits[0])
		if len(waits) > 1 {
			wants += fmt.Sprintf(" and %d more", len(waits)-1)
		}
		f := finding{Finding: model.Finding{
			Confidence: model.Certain, Since: v.since(waits...), Victims: []int{pid}, Objects: objectsOf(waits...), Root: v.root(pid, wants),
			Summary:  v.name(pid) + " " + wants + ", and nobody opens the other end",
			Evidence: v.evidence(waits...), Actions: []model.Action{v.kill(pid, "ends "+v.name(pid))},
		}, explains: waits}
		for _, w := range waits {
			f.Chain = append(f.Chain, v.stepOf(w, nil))
		}
		list = append(list, f)
	}
	return list
}
