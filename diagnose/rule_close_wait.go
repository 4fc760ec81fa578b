package diagnose

import (
	"fmt"
	"time"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var closeWaitRule = Rule{
	ID:       "close-wait",
	Short:    "not closed",
	Title:    "connections that the other side has closed and this one has not",
	Severity: model.Warning,
	Means: "The other end has closed these TCP connections; the kernel has told the process so, and it has not closed its own end (state CLOSE-WAIT). Each keeps a " +
		"descriptor and memory. A program that forgets to close them runs out of descriptors in the end.",
	Evidence: "The state of the sockets, and for how long nothing has been sent or received (tcp_info).",
	Do:       "It is a fault of the program: it must close a connection when a read returns 0. Ending the process frees them.",
	FalseAlarm: "Libraries that keep connections for the next request notice only then that one was closed; therefore fewer than 10 are only worth knowing (info). A " +
		"connection counts once it has been silent for a minute, or no thread of the process has run for --min-age.",
	find: findCloseWait,
}

const (
	manyCloseWait = 10
	minSilence    = time.Minute
)

func findCloseWait(v *view) []finding {
	var list []finding
	byProcess := map[int]int{}
	for _, o := range v.graph.Marked(graph.CloseWait) {
		d := o.Detail.(*model.InetDetail)
		pids := holders(o, nil)
		if len(pids) == 0 || !v.allIdle(pids) && !longSilent(d) {
			continue
		}
		at, ok := byProcess[pids[0]]
		if !ok {
			at = len(list)
			byProcess[pids[0]] = at
			list = append(list, finding{about: "tcp", Finding: model.Finding{
				Confidence: model.Certain, Severity: model.Info, Root: v.root(pids[0], "does not close; "+v.doing(pids[0])),
			}})
		}
		f := &list[at]
		f.Objects, f.PIDs = append(f.Objects, o.ID), append(f.PIDs, pids...)
		if last, ok := d.LastRecv.Get(); ok && !v.Taken.IsZero() {
			f.Since = earliest(f.Since, v.Taken.Add(-time.Duration(last)))
		}
		if len(f.Evidence) < 3 {
			f.Evidence = append(f.Evidence, model.Evidence{Source: o.ID, Text: "CLOSE-WAIT, " + d.Local + " to " + d.Remote})
		}
	}
	for i := range list {
		f := &list[i]
		if len(f.Objects) >= manyCloseWait {
			f.Severity = model.Warning
		}
		f.Summary = fmt.Sprintf("%s has not closed %d %s that the other side has closed", v.name(f.Root.PID), len(f.Objects),
			verb(len(f.Objects), "connection", "connections"))
	}
	return list
}

// longSilent reports whether nothing has been sent or received for a long time.
func longSilent(d *model.InetDetail) bool {
	received, ok1 := d.LastRecv.Get()
	sent, ok2 := d.LastSend.Get()
	return (ok1 || ok2) && (!ok1 || time.Duration(received) >= minSilence) && (!ok2 || time.Duration(sent) >= minSilence)
}
