package fleet

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

// Member is the snapshot of one host.
type Member struct {
	Source   string // the file it was read from, as users know it
	Snapshot *model.Snapshot
}

// Merge makes one snapshot of those of several hosts. It keeps the findings, each made on its host
// alone, and has no blockers across hosts: package diagnose finds these ([diagnose.RunHosts]). The
// snapshots are not changed; records that need no change are shared with them.
func Merge(members []Member) (*model.Snapshot, error) {
	if len(members) < 2 {
		return nil, errors.New("merging needs at least two hosts")
	}
	if len(members) > model.MaxHosts {
		return nil, fmt.Errorf("%d hosts: there can be %d at the most", len(members), model.MaxHosts)
	}
	if err := distinct(members); err != nil {
		return nil, err
	}
	out := &model.Snapshot{
		FromFile: true, Schema: model.Schema, Gaps: []model.Gap{}, Processes: []*model.Process{}, Objects: []*model.Object{}, Links: []*model.Link{},
	}
	names := namesOf(members)
	for i, m := range members {
		q := &qualifier{place: i + 1, host: names[i]}
		s := q.snapshot(m.Snapshot)
		if q.err != nil {
			return nil, fmt.Errorf("%s: %w", m.Source, q.err)
		}
		out.Hosts = append(out.Hosts, model.HostSnapshot{Name: names[i], Host: s.Host, Taken: s.Taken, Scan: s.Scan, PIDBase: q.place * model.HostPIDs})
		out.Gaps = append(out.Gaps, s.Gaps...)
		out.Limits = joined(out, names[i], "limits", out.Limits, s.Limits)
		out.Processes = append(out.Processes, s.Processes...)
		out.Objects = append(out.Objects, s.Objects...)
		out.Traffic = append(out.Traffic, s.Traffic...) // most hosts have none: traffic is measured only on request
		out.Waits = joined(out, names[i], "waits", out.Waits, s.Waits)
		out.Findings = joined(out, names[i], "findings", out.Findings, s.Findings)
	}
	slices.SortFunc(out.Processes, func(a, b *model.Process) int { return cmp.Compare(a.PID, b.PID) })
	slices.SortFunc(out.Objects, model.CompareObjects)
	slices.SortStableFunc(out.Traffic, model.CompareTraffic)
	pairs := match(out)
	out.Links = model.MakeLinks(out.Objects)
	compareClocks(out, pairs)
	summarize(out)
	return out, nil
}

// joined appends one more host's entries to a list. If the host's dump was made without
// them, it adds a gap instead.
func joined[T any](out *model.Snapshot, host, name string, list, more []T) []T {
	if more == nil {
		out.Gaps = append(out.Gaps, model.Gap{
			Probe: Probe, Reason: model.Unsupported, Host: host, Op: "read " + name, Count: 1, Detail: "its dump was made without them (--only)",
		})
		return list
	}
	if list == nil {
		list = []T{}
	}
	return append(list, more...)
}

// distinct refuses two snapshots of the same machine, which would list each process twice.
func distinct(members []Member) error {
	for i, m := range members {
		s := m.Snapshot
		if len(s.Hosts) > 0 {
			return fmt.Errorf("%s already contains several hosts: it cannot be merged with others", m.Source)
		}
		for _, before := range members[:i] {
			b := before.Snapshot
			if s.Host.BootID != "" && s.Host.BootID == b.Host.BootID && s.Host.Namespaces["pid"] == b.Host.Namespaces["pid"] && !s.Scan.Redacted && !b.Scan.Redacted {
				return fmt.Errorf("%s and %s are of the same machine, %s: give one of them", before.Source, m.Source, cmp.Or(s.Host.Hostname, s.Host.BootID))
			}
		}
	}
	return nil
}

// summarize sets what the snapshot says about all hosts together.
func summarize(s *model.Snapshot) {
	s.Host = model.Host{Hostname: hostnames(s.Hosts), Kernel: common(s.Hosts, func(h *model.Host) string { return h.Kernel }), Arch: common(s.Hosts, func(h *model.Host) string { return h.Arch })}
	s.Host.Namespaces = map[string]uint64{}
	s.Scan.Backends = map[string]string{}
	first, last := at(&s.Hosts[0]), at(&s.Hosts[0])
	for i := range s.Hosts {
		h := &s.Hosts[i]
		if h.Taken.After(s.Taken) {
			s.Taken = h.Taken
		}
		if t := at(h); t.Before(first) {
			first = t
		}
		if t := at(h).Add(time.Duration(h.Scan.Duration)); t.After(last) {
			last = t
		}
		s.Scan.EUID = max(s.Scan.EUID, h.Scan.EUID)
		s.Scan.Processes += h.Scan.Processes
		s.Scan.ProcessesUnreadable += h.Scan.ProcessesUnreadable
		s.Scan.PIDNamespaceForeign = s.Scan.PIDNamespaceForeign || h.Scan.PIDNamespaceForeign
		s.Scan.Redacted = s.Scan.Redacted || h.Scan.Redacted
	}
	// The duration spans all scans: a state that lasted longer than this existed on all
	// hosts at one time.
	s.Scan.Duration = int64(last.Sub(first))
}

// at is when a host's scan began, by the first host's clock as far as the difference is known.
func at(h *model.HostSnapshot) time.Time {
	if h.Clock == nil {
		return h.Taken
	}
	low, okLow := h.Clock.AheadMin.Get()
	high, okHigh := h.Clock.AheadMax.Get()
	switch {
	case okLow && okHigh:
		return h.Taken.Add(-time.Duration(low + (high-low)/2))
	case okLow && low > 0:
		return h.Taken.Add(-time.Duration(low))
	case okHigh && high < 0:
		return h.Taken.Add(-time.Duration(high))
	}
	return h.Taken
}

// maxNamed is how many hosts are named in a heading.
const maxNamed = 4

func hostnames(hosts []model.HostSnapshot) string {
	var names []string
	for i := range hosts {
		names = append(names, hosts[i].Name)
	}
	if len(names) > maxNamed {
		return strings.Join(names[:maxNamed], ", ") + fmt.Sprintf(" and %d more", len(names)-maxNamed)
	}
	return strings.Join(names, ", ")
}

// common is the value that all hosts have; "" if they differ.
func common(hosts []model.HostSnapshot, get func(*model.Host) string) string {
	first := get(&hosts[0].Host)
	for i := range hosts {
		if get(&hosts[i].Host) != first {
			return ""
		}
	}
	return first
}
