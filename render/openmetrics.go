package render

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
)

// OpenMetrics writes findings and what is counted about a snapshot in the text
// format of OpenMetrics 1.0, which Prometheus' own parser takes as well. Every
// metric is a gauge. No label holds a pid, a path or a command: what comes and
// goes with every process would fill a database. What is unknown has no sample.
//
// Every rule has a sample, 0 where it found nothing, so that an alert can end.
func OpenMetrics(w io.Writer, s *model.Snapshot, rules []diagnose.Rule) error {
	m := &metrics{}
	m.findings(s, rules)
	m.limits(s)
	m.waits(s)
	m.family("ipctop_processes", "Processes seen.", "")
	m.sample("ipctop_processes", nil, int64(s.Scan.Processes))
	m.family("ipctop_processes_unreadable", "Processes whose descriptors could not be read.", "")
	m.sample("ipctop_processes_unreadable", nil, int64(s.Scan.ProcessesUnreadable))
	m.gaps(s)
	m.family("ipctop_scan_duration_seconds", "Wall time of the scan.", "seconds")
	m.value("ipctop_scan_duration_seconds", nil, strconv.FormatFloat(float64(s.Scan.Duration)/1e9, 'f', -1, 64))
	m.family("ipctop_scan_timestamp_seconds", "When the scan began, in seconds since 1970.", "seconds")
	m.value("ipctop_scan_timestamp_seconds", nil, strconv.FormatFloat(float64(s.Taken.UnixMilli())/1e3, 'f', -1, 64))
	_, err := io.WriteString(w, m.b.String()+"# EOF\n")
	return err
}

// metrics is an exposition in the making.
type metrics struct{ b strings.Builder }

// label is one label of a sample.
type label struct{ name, value string }

func (m *metrics) family(name, help, unit string) {
	fmt.Fprintf(&m.b, "# TYPE %s gauge\n", name)
	if unit != "" {
		fmt.Fprintf(&m.b, "# UNIT %s %s\n", name, unit)
	}
	fmt.Fprintf(&m.b, "# HELP %s %s\n", name, metricEscape(help))
}

func (m *metrics) sample(name string, labels []label, value int64) {
	m.value(name, labels, strconv.FormatInt(value, 10))
}

func (m *metrics) value(name string, labels []label, value string) {
	m.b.WriteString(name)
	for i, l := range labels {
		m.b.WriteByte("{,"[min(i, 1)])
		m.b.WriteString(l.name + `="` + metricEscape(l.value) + `"`)
	}
	if labels != nil {
		m.b.WriteByte('}')
	}
	m.b.WriteString(" " + value + "\n")
}

// metricEscape is the escaping of label values and help texts. Bytes that are no
// UTF-8 may not occur; they become the replacement character.
func metricEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
}

func (m *metrics) findings(s *model.Snapshot, rules []diagnose.Rule) {
	if s.Findings == nil {
		return
	}
	type key struct{ rule, severity, container string }
	n := map[key]int64{}
	for i := range rules {
		n[key{rules[i].ID, string(rules[i].Severity), ""}] = 0
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		containers := f.Containers
		if len(containers) == 0 {
			containers = []string{""}
		}
		for _, c := range containers {
			n[key{f.Rule, string(f.Severity), c}]++
		}
	}
	m.family("ipctop_findings", "Findings of the diagnosis; one that concerns several containers counts in each.", "")
	for _, k := range slices.SortedFunc(maps.Keys(n), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.severity, b.severity), cmp.Compare(a.container, b.container))
	}) {
		m.sample("ipctop_findings", []label{{"rule", k.rule}, {"severity", k.severity}, {"container", k.container}}, n[k])
	}
}

// limits writes the bounds that hold for the machine, a user or a namespace.
func (m *metrics) limits(s *model.Snapshot) {
	type number struct {
		labels []label
		value  string
	}
	var used, bounds []number
	for i := range s.Limits {
		l := &s.Limits[i]
		labels := []label{{"limit", l.Name}, {"kind", string(l.Kind)}, {"unit", l.Unit}, {"user", ""}, {"namespace", ""}}
		if l.Scope != nil {
			if l.Scope.PID != 0 {
				continue
			}
			if uid, ok := l.Scope.UID.Get(); ok {
				labels[3].value = strconv.Itoa(uid)
			}
			if l.Scope.NS != 0 {
				labels[4].value = strconv.FormatUint(l.Scope.NS, 10)
			}
		}
		if u, ok := l.Used.Get(); ok {
			used = append(used, number{labels, strconv.FormatInt(u, 10)})
		}
		if b, ok := l.Max.Get(); l.Unlimited {
			bounds = append(bounds, number{labels, "+Inf"})
		} else if ok {
			bounds = append(bounds, number{labels, strconv.FormatInt(b, 10)})
		}
	}
	for _, f := range []struct {
		name, help string
		list       []number
	}{
		{"ipctop_limit_used", "How much of a limit of the kernel is used.", used},
		{"ipctop_limit_max", "How much there may be.", bounds},
	} {
		if f.list == nil {
			continue
		}
		m.family(f.name, f.help, "")
		for _, n := range f.list {
			m.value(f.name, n.labels, n.value)
		}
	}
}

func (m *metrics) waits(s *model.Snapshot) {
	if s.Waits == nil {
		return
	}
	type key struct {
		needs string
		idle  bool
	}
	n := map[key]int64{}
	for i := range s.Waits {
		n[key{s.Waits[i].Needs, s.Waits[i].Idle}]++
	}
	m.family("ipctop_blocked_threads", "Threads that wait, by what they need; idle ones wait for work, as servers do.", "")
	for _, k := range slices.SortedFunc(maps.Keys(n), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.needs, b.needs), cmp.Compare(strconv.FormatBool(a.idle), strconv.FormatBool(b.idle)))
	}) {
		m.sample("ipctop_blocked_threads", []label{{"needs", k.needs}, {"idle", strconv.FormatBool(k.idle)}}, n[k])
	}
}

func (m *metrics) gaps(s *model.Snapshot) {
	n := map[string]int64{}
	for _, r := range model.Reasons() {
		n[string(r.Name)] = 0
	}
	for i := range s.Gaps {
		n[string(s.Gaps[i].Reason)] += int64(max(s.Gaps[i].Count, 1))
	}
	m.family("ipctop_gaps", "What could not be read, by reason.", "")
	for _, reason := range slices.Sorted(maps.Keys(n)) {
		m.sample("ipctop_gaps", []label{{"reason", reason}}, n[reason])
	}
}
