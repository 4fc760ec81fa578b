package diagnose

import (
	"slices"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// RunHosts diagnoses a snapshot of several hosts (package fleet), which has the findings of
// each host alone, and writes into it what concerns several: who on another host could
// release a wait, and findings about blocked threads whose chain leads from host to host. A
// host's own finding about nothing but processes of such a chain is a symptom of that.
func RunHosts(s *model.Snapshot, o Options) *graph.Graph {
	v := newView(graph.New(model.NewIndex(s)), o)
	if s.Waits == nil {
		return v.graph // nobody looked
	}
	v.graph.Annotate()
	if s.Findings == nil {
		return v.graph
	}
	across := []model.Finding{} // not nil, which means that nobody looked
	for _, f := range v.find() {
		if len(f.Chain) > 0 && v.spans(f.PIDs) {
			if f.Root != nil {
				f.Host = s.HostName(f.Root.PID)
			}
			across = append(across, f)
		}
	}
	own := []model.Finding{}
	for _, f := range s.Findings {
		if i := slices.IndexFunc(across, func(a model.Finding) bool { return explainedBy(&f, &a) }); i >= 0 {
			across[i].Symptoms = append(across[i].Symptoms, f.ID)
		} else {
			own = append(own, f)
		}
	}
	s.Findings = order(append(across, own...))
	return v.graph
}

// spans reports whether processes are on several hosts.
func (v *view) spans(pids []int) bool {
	return slices.ContainsFunc(pids, func(pid int) bool { return v.HostName(pid) != v.HostName(pids[0]) })
}

// explainedBy reports whether a finding is about blocked threads, all of processes that
// another one is about, too.
func explainedBy(f, by *model.Finding) bool {
	return len(f.Chain) > 0 && !slices.ContainsFunc(f.PIDs, func(pid int) bool { return !slices.Contains(by.PIDs, pid) })
}
