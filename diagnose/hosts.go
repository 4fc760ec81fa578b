package diagnose

import (
	"slices"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// RunHosts diagnoses a snapshot of several hosts (package fleet) that already contains the
// findings of each single host. It adds what concerns several hosts: who on another host could
// release a wait, and findings about blocked threads whose chain leads from host to host. If a
// host's own finding is only about processes of such a chain, it becomes a symptom of the new finding.
func RunHosts(s *model.Snapshot, o Options) *graph.Graph {
	v := newView(graph.New(model.NewIndex(s)), o)
	if s.Waits == nil {
		return v.graph // nobody looked
	}
	v.graph.Annotate()
	if s.Findings == nil {
		return v.graph
	}
	across := []model.Finding{} // not nil, which would mean that there was no diagnosis
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

// spans reports whether the processes are on more than one host.
func (v *view) spans(pids []int) bool {
	return slices.ContainsFunc(pids, func(pid int) bool { return v.HostName(pid) != v.HostName(pids[0]) })
}

// explainedBy reports whether f is about blocked threads and the other finding is about all
// processes of f.
func explainedBy(f, by *model.Finding) bool {
	return len(f.Chain) > 0 && !slices.ContainsFunc(f.PIDs, func(pid int) bool { return !slices.Contains(by.PIDs, pid) })
}
