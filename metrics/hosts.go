package metrics

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// hostLabel is the label that distinguishes several hosts.
const hostLabel = "host"

// countHosts counts each host of a snapshot of several hosts separately: the limits on names
// apply to each host.
func countHosts(s *model.Snapshot, o Options) []Family {
	var all []Family
	place := map[string]int{} // by name: index of a family in all
	for i, part := range partsOf(s) {
		host := text(s.Hosts[i].Name)
		for _, f := range count(part, o) {
			for k := range f.Samples {
				f.Samples[k].Values = slices.Insert(slices.Clone(f.Samples[k].Values), 0, host)
			}
			j, ok := place[f.Name]
			if !ok { // a host without a diagnosis has no families of findings
				f.Labels = slices.Insert(slices.Clone(f.Labels), 0, hostLabel)
				place[f.Name] = len(all)
				all = append(all, f)
				continue
			}
			all[j].Samples = append(all[j].Samples, f.Samples...)
		}
	}
	for i := range all {
		slices.SortFunc(all[i].Samples, func(a, b Sample) int { return slices.Compare(a.Values, b.Values) })
	}
	return all
}

// partsOf splits a snapshot of several hosts. Lists that were not read on a host are missing
// in its part; a gap says so.
func partsOf(s *model.Snapshot) []*model.Snapshot {
	parts := make([]*model.Snapshot, len(s.Hosts))
	byName := map[string]*model.Snapshot{}
	for i := range s.Hosts {
		h := &s.Hosts[i]
		parts[i] = &model.Snapshot{Host: h.Host, Taken: h.Taken, Scan: h.Scan, ShowOwn: s.ShowOwn, Waits: []model.Wait{}, Findings: []model.Finding{}}
		if h.Scan.Rates != nil {
			parts[i].Traffic = []model.Traffic{}
		}
		byName[h.Name] = parts[i]
	}
	of := func(host string) *model.Snapshot {
		if p := byName[host]; p != nil {
			return p
		}
		return new(model.Snapshot) // somebody has edited the document
	}
	hostOf := map[string]*model.Snapshot{} // by object
	for _, p := range s.Processes {
		part := of(p.Host)
		part.Processes = append(part.Processes, p)
	}
	for _, o := range s.Objects {
		part := of(o.Host)
		part.Objects = append(part.Objects, o)
		hostOf[o.ID] = part
	}
	for i := range s.Traffic {
		if part := hostOf[s.Traffic[i].Object]; part != nil {
			part.Traffic = append(part.Traffic, s.Traffic[i])
		}
	}
	for i := range s.Waits {
		part := of(s.HostName(s.Waits[i].PID))
		part.Waits = append(part.Waits, s.Waits[i])
	}
	for i := range s.Findings {
		part := of(s.Findings[i].Host)
		part.Findings = append(part.Findings, s.Findings[i])
	}
	for i := range s.Limits {
		part := of(s.Limits[i].Host)
		part.Limits = append(part.Limits, s.Limits[i])
	}
	for i := range s.Gaps {
		g := &s.Gaps[i]
		part := of(g.Host)
		part.Gaps = append(part.Gaps, *g)
		switch g.Op {
		case "read findings":
			part.Findings = nil
		case "read waits":
			part.Waits = nil
		}
	}
	return parts
}
