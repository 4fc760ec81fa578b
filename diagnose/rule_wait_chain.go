package diagnose

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var waitChainRule = Rule{
	ID:       "wait-chain",
	Title:    "blocking chain",
	Severity: model.Warning,
	Means: "Processes wait in a chain, for locks or for room in buffers: each waits for another one that waits itself, up to one process that all of " +
		"them wait for. Only what that one does matters.",
	Evidence: "What each of them is blocked in (/proc/PID/task/TID/syscall), unchanged across two samples, and who could release it.",
	Do:       "Look at the root cause: ipctop why PID shows the chain and what it does.",
	FalseAlarm: "Work that takes long keeps others waiting, and that may be as it should be. Waits that are younger than --min-age are not reported, " +
		"nor is who merely waits for a child, for data or for work.",
	find: findWaitChain,
}

func findWaitChain(v *view) []finding {
	type behind struct {
		end    graph.End
		waits  []*model.Wait
		chains []graph.Chain
	}
	var roots []int
	byRoot := map[int]*behind{}
	for i := range v.Waits {
		w := &v.Waits[i]
		if !w.Confirmed || !v.aged(w) || !v.graph.Firm(w) || v.graph.ForChild(w) {
			continue
		}
		c := v.graph.Chain(w)
		if c.End.Process == nil || c.Cycle >= 0 || v.serving(&c.End) {
			continue
		}
		pid := c.End.Process.PID
		if byRoot[pid] == nil {
			byRoot[pid] = &behind{end: c.End}
			roots = append(roots, pid)
		}
		b := byRoot[pid]
		b.waits, b.chains = append(b.waits, w), append(b.chains, c)
	}
	var list []finding
	for _, pid := range roots {
		b := byRoot[pid]
		longest := slices.MaxFunc(b.chains, func(x, y graph.Chain) int { return len(x.Steps) - len(y.Steps) })
		if len(longest.Steps) < 2 || !v.graph.Firm(longest.Steps[1].Wait) || v.graph.ForChild(longest.Steps[1].Wait) {
			continue // one waits for another, which waits for work or its own child: another rule reports that
		}
		victims := b.waits
		for _, c := range b.chains {
			for _, s := range c.Steps {
				if !slices.Contains(victims, s.Wait) {
					victims = append(victims, s.Wait)
				}
			}
		}
		pids := slices.DeleteFunc(pidsOf(victims...), func(p int) bool { return p == pid })
		if len(pids) == 0 {
			continue // threads of one process that wait for each other
		}
		confidence, lowered := v.chainConfidence(&longest)
		list = append(list, finding{Finding: model.Finding{
			Confidence: confidence, LoweredBy: lowered, Since: v.since(victims...), Objects: objectsOf(victims...), Victims: pids,
			Root: v.rootOf(&b.end), Chain: v.chain(longest), Evidence: v.evidence(victims...), Actions: v.free(&b.end, victims),
			Summary: fmt.Sprintf("%d %s in a chain for %s, which %s", len(pids), verb(len(pids), "process waits", "processes wait"), v.name(pid), b.end.Doing),
		}, explains: victims})
	}
	return list
}

// chainConfidence returns the confidence of a chain, which is that of its least certain step.
func (v *view) chainConfidence(c *graph.Chain) (model.Confidence, []string) {
	confidence := model.Certain
	var lowered []string
	for _, s := range c.Steps {
		if s.Clause == nil {
			return model.Possible, lowered
		}
		if s.Clause.Level >= graph.Unreadable {
			confidence, lowered = model.Likely, append(lowered, s.Clause.ReasonsFrom(graph.Unreadable)...)
		}
		if s.Clause.Confidence != "" {
			confidence = lower(confidence, s.Clause.Confidence)
		}
		if _, why := v.mayOwn(&s); why != "" {
			confidence, lowered = lower(confidence, model.Likely), append(lowered, why)
		}
	}
	return confidence, lowered
}
