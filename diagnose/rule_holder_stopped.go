package diagnose

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var holderStoppedRule = Rule{
	ID:       "holder-stopped",
	Short:    "stopped",
	Title:    "others wait for a process that is stopped",
	Severity: model.Critical,
	Means: "Processes wait for one that cannot run: it is stopped (Ctrl-Z, SIGSTOP), held by a debugger, frozen with its control group, or being " +
		"written to a core file. They cannot continue before it does.",
	Evidence: "State T or t in /proc/PID/stat, the control group's cgroup.events, or CoreDumping in /proc/PID/status; the blocked calls of the " +
		"waiters. If they poll: that they have connected, or that the stopped process has not read what was sent to it.",
	Do: "Continue it: kill -CONT PID, or fg in its shell; detach the debugger; thaw the control group. Or end it.",
	FalseAlarm: "Somebody may have stopped it on purpose and know that others wait. A parent that only waits for its child is not counted: a shell waits " +
		"for the job that it has stopped.",
	find: findHolderStopped,
}

func findHolderStopped(v *view) []finding {
	if !v.graph.Halts() {
		return nil
	}
	var roots []int
	ends := map[int]graph.End{}
	chains := map[int][]graph.Chain{}
	for i := range v.Waits {
		w := &v.Waits[i]
		if !w.Confirmed || !v.aged(w) || v.graph.ForChild(w) {
			continue
		}
		c, halts := v.graph.ToHalted(w)
		if !halts || v.graph.ForChild(c.Steps[len(c.Steps)-1].Wait) {
			continue
		}
		pid := c.End.Process.PID
		if v.graph.Work(w) && !v.graph.AsksServer(w) && v.graph.LeftUnread(pid) == nil {
			continue
		}
		if chains[pid] == nil {
			roots = append(roots, pid)
		}
		ends[pid], chains[pid] = c.End, append(chains[pid], c)
	}
	var list []finding
	for _, pid := range roots {
		var waits []*model.Wait
		for _, c := range chains[pid] {
			for _, s := range c.Steps {
				if !slices.Contains(waits, s.Wait) {
					waits = append(waits, s.Wait)
				}
			}
		}
		end := ends[pid]
		victims := pidsOf(waits...)
		longest := slices.MaxFunc(chains[pid], func(x, y graph.Chain) int { return len(x.Steps) - len(y.Steps) })
		confidence, lowered := v.chainConfidence(&longest)
		evidence := []model.Evidence{{Source: "/proc/" + model.PIDNumber(pid) + "/stat", Text: "state " + v.processes[pid].State + ": it " + end.Doing}}
		if o := v.graph.LeftUnread(pid); o != nil {
			evidence = append(evidence, model.Evidence{Source: o.ID, Text: fmt.Sprintf("%d bytes that it has not read", graph.Unreceived(o))})
		}
		list = append(list, finding{Finding: model.Finding{
			Confidence: confidence, LoweredBy: lowered, Since: v.since(waits...), Objects: objectsOf(waits...), Victims: victims, Root: v.rootOf(&end),
			Summary: fmt.Sprintf("%s %s for %s, which %s", v.subject(victims), verb(len(victims), "waits", "wait"), v.name(pid), end.Doing),
			Chain:   v.chain(longest), Actions: v.free(&end, waits),
			Evidence: append(evidence, v.evidence(waits...)...),
		}, explains: waits})
	}
	return list
}
