package diagnose

import (
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var fifoOpenWaitsRule = Rule{
	ID:       "fifo-open-waits",
	Short:    "FIFO open",
	Title:    "open of a FIFO that nobody opens from the other end",
	Severity: model.Warning,
	Means: "A process opens a FIFO and waits for longer than --min-age: an open for reading returns when somebody opens it for writing, and the other way " +
		"round. Nobody does.",
	Evidence: "The blocked open (/proc/PID/task/TID/syscall) with its flags, the path in the process's memory, and that the thread sleeps in wait_for_partner: " +
		"it would have gone on if anybody had the other end.",
	Do: "Start the program for the other end. A program that must not wait opens the FIFO with O_NONBLOCK, or with O_RDWR.",
	FalseAlarm: "A program that gets its work from a FIFO waits like this for the next writer, for as long as it takes. Nothing shows for certain whether a program that " +
		"opens a FIFO for reading does this or lacks its writer. So the finding is possible at most, and info if the FIFO was written to since the program began. A program that opens " +
		"a FIFO for writing has data that nobody reads; it may do so on purpose, to provide data to each reader, as if the FIFO were a file.",
	find: findFIFOOpenWaits,
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
			Summary:  v.subject(pids) + " " + wants + ", and " + graph.NoPartner(waits[0]),
			Evidence: v.evidence(waits...),
		}, explains: waits}
		if graph.Opens(waits[0]) != model.Write {
			f.Confidence, f.LoweredBy = model.Possible, []string{"a program that gets its work from a FIFO waits like this for the next writer"}
			if e, served := v.served(waits); served {
				f.Severity, f.Evidence = model.Info, append(f.Evidence, e)
			}
		}
		if len(f.Objects) == 0 {
			f.about = key
		}
		if len(pids) > 1 {
			f.Summary = v.subject(pids) + " wait for the other end of a FIFO, which nobody has open: " + v.list(pids[:1]) + " " + wants
		}
		for _, w := range waits {
			f.Chain = append(f.Chain, v.stepOf(w, nil))
		}
		list = append(list, f)
	}
	return list
}

// served reports whether somebody has written to a FIFO since one of the processes that open it to
// read was started, with the evidence: then the writer comes whenever there is something to do.
func (v *view) served(waits []*model.Wait) (model.Evidence, bool) {
	for _, w := range waits {
		p := v.processes[w.PID]
		if w.Target == nil || p == nil || p.StartTime.IsZero() || !w.Target.Written.After(p.StartTime.Add(startSlack)) {
			continue
		}
		return model.Evidence{Source: w.Target.Path, Text: "written to since " + v.name(w.PID) + " began: modified at " + w.Target.Written.Format(time.RFC3339)}, true
	}
	return model.Evidence{}, false
}

// startSlack is the inaccuracy of a process's start time: the kernel gives it in ticks since the
// boot, and the boot time in whole seconds.
const startSlack = 2 * time.Second
