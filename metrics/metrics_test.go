package metrics

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// values returns the samples of a family by their labels' values, joined by commas.
func values(families []Family, name string) map[string]float64 {
	m := map[string]float64{}
	for _, f := range families {
		if f.Name != Prefix+name {
			continue
		}
		for _, s := range f.Samples {
			m[strings.Join(s.Values, ",")] = s.Value
		}
	}
	return m
}

func TestCounts(t *testing.T) {
	taken := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	s := &model.Snapshot{
		Taken: taken, Scan: model.Scan{Duration: 84e6, Processes: 7, ProcessesUnreadable: 2},
		Gaps: []model.Gap{{Reason: model.Denied, Count: 3}, {Reason: model.Denied}},
		Waits: []model.Wait{
			{Needs: model.NeedsSpace, Object: "pipe:1", BlockedFor: model.Some(int64(2e9))},
			{Needs: model.NeedsSpace, Object: "pipe:2", BlockedFor: model.Some(int64(5e9))},
			{Needs: model.NeedsData, Object: "pipe:3", BlockedFor: model.Some(int64(9e9)), Idle: true},
			{Needs: model.NeedsEvent, Objects: []string{"tcp:1", "tcp:2"}, Idle: true},
			{Needs: model.NeedsEvent, Objects: []string{"tcp:1", "pipe:2"}},
			{Needs: model.NeedsChild},
			{Needs: model.NeedsTime, BlockedFor: model.Some(int64(99e9))},
		},
		Findings: []model.Finding{
			{Rule: "zombies", Severity: model.Warning, Confidence: model.Certain, Since: taken.Add(-time.Minute)},
			{Rule: "zombies", Severity: model.Warning, Confidence: model.Certain, Since: taken.Add(-time.Hour), Containers: []string{"a", "b"}},
		},
		Objects: []*model.Object{
			{ID: "pipe:1", Kind: model.Pipe, Detail: &model.PipeDetail{Queued: model.Some[int64](10)}},
			{ID: "pipe:2", Kind: model.Pipe, Detail: &model.PipeDetail{Queued: model.Some[int64](5)}},
			{ID: "pipe:3", Kind: model.Pipe, Detail: &model.PipeDetail{}},
			{ID: "pty:1:1", Kind: model.Pty, Detail: &model.PtyDetail{}},
			{ID: "sysv-msg:1", Kind: model.SysvMsg, Detail: &model.SysvMsgDetail{Key: "0x0000004d", Bytes: model.Some[int64](7), Messages: model.Some[int64](1), MaxBytes: model.Some[int64](16384)}},
			{ID: "posix-mq:0:1:1", Kind: model.PosixMq, Name: "/jobs", Detail: &model.PosixMqDetail{Messages: model.Some[int64](3), MaxMessages: model.Some[int64](10)}},
			{ID: "tcp:1", Kind: model.TCP, Detail: &model.InetDetail{State: "LISTEN", Local: "127.0.0.1:5432", Backlog: model.Some[int64](1), BacklogMax: model.Some[int64](128)}},
			{ID: "tcp:2", Kind: model.TCP, Detail: &model.InetDetail{State: "LISTEN", Local: "[::1]:5432", Backlog: model.Some[int64](2), BacklogMax: model.Some[int64](128)}},
			{ID: "unix:1", Kind: model.Unix, Detail: &model.UnixDetail{State: "listen", Path: "/tmp/ssh-x/agent.4121", Backlog: model.Some[int64](0), BacklogMax: model.Some[int64](128)}},
			{ID: "sysv-shm:1", Kind: model.SysvShm, Detail: &model.SysvShmDetail{Key: "0x00000000", Size: model.Some[int64](4096), RSS: model.Some[int64](1024), Swap: model.Some[int64](1)}},
			{ID: "shm-anon:1", Kind: model.ShmAnon, Detail: &model.MemoryDetail{Allocated: model.Some[int64](100), Size: model.Some[int64](200)}},
		},
		Limits: []model.Limit{
			{Name: "kernel.shmmni", Kind: model.SysvShm, Used: model.Some[int64](1), Max: model.Some[int64](2), Unit: "segments"},
			{Name: "fs.pipe-max-size", Unlimited: true, Unit: "bytes"},
			{Name: "RLIMIT_NOFILE", Used: model.Some[int64](1), Max: model.Some[int64](4), Scope: &model.LimitScope{PID: 812}},
			{Name: "RLIMIT_NOFILE", Used: model.Some[int64](3), Max: model.Some[int64](4), Scope: &model.LimitScope{PID: 813}},
		},
	}
	families := Of(s, Options{Rules: diagnose.Rules()})
	for family, want := range map[string]map[string]float64{
		"blocked_threads":            {"pipe,space,false": 2, "pipe,data,true": 1, "tcp,event,true": 1, "several,event,false": 1, "none,child,false": 1, "none,time,false": 1},
		"oldest_wait_seconds":        {"pipe,space": 5},
		"finding_oldest_age_seconds": {"zombies,warning": 3600},
		"objects":                    {"pipe": 3, "pty": 1, "sysv-msg": 1, "posix-mq": 1, "tcp": 2, "unix": 1, "sysv-shm": 1, "shm-anon": 1},
		"queued_bytes":               {"pipe": 15, "sysv-msg": 7},
		"queued_messages":            {"sysv-msg": 1, "posix-mq": 3},
		"memory_bytes":               {"sysv-shm": 1025, "shm-anon": 100},
		"queue_messages":             {"sysv-msg,0x0000004d": 1, "posix-mq,/jobs": 3},
		"queue_max_messages":         {"posix-mq,/jobs": 10},
		"queue_max_size_bytes":       {"sysv-msg,0x0000004d": 16384},
		"listener_backlog":           {"tcp,:5432": 3, "unix,/tmp/ssh-x/agent.*": 0},
		"listener_max_backlog":       {"tcp,:5432": 256, "unix,/tmp/ssh-x/agent.*": 128},
		"shared_memory_bytes":        {"sysv-shm,private": 1025},
		"shared_memory_size_bytes":   {"sysv-shm,private": 4096},
		"process_limit_used_ratio":   {"RLIMIT_NOFILE": 0.75},
		"limit_used":                 {"kernel.shmmni,sysv-shm,segments,,": 1},
		"processes":                  {"": 7},
		"processes_unreadable":       {"": 2},
		"scan_duration_seconds":      {"": 0.084},
		"scan_timestamp_seconds":     {"": float64(taken.Unix())},
		"gaps":                       {"denied": 4, "vanished": 0, "unsupported": 0, "malformed": 0, "truncated": 0, "timeout": 0, "other": 0},
	} {
		if got := values(families, family); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", family, got, want)
		}
	}
	found := values(families, "findings")
	for labels, want := range map[string]float64{
		"zombies,warning,certain,": 1, "zombies,warning,certain,a": 1, "zombies,warning,certain,b": 1, "deadlock,critical,likely,": 0,
	} {
		if got, ok := found[labels]; !ok || got != want {
			t.Errorf("findings %s: %v, %v, want %v", labels, got, ok, want)
		}
	}
}

// TestNothingIsNotZero: what was not measured is not counted as 0.
func TestNothingIsNotZero(t *testing.T) {
	for _, f := range Of(&model.Snapshot{}, Options{Rules: diagnose.Rules()}) {
		switch name := strings.TrimPrefix(f.Name, Prefix); name {
		case "processes", "processes_unreadable", "gaps", "scan_duration_seconds", "scan_timestamp_seconds", "names_summed":
		default:
			t.Errorf("%s is counted: %v", f.Name, f.Samples)
		}
	}
}

// checkFamilies checks what Prometheus' own linter checks, and that every sample is valid.
func checkFamilies(t *testing.T, families []Family) (series int) {
	t.Helper()
	names := map[string]bool{}
	for _, f := range families {
		if names[f.Name] || !regexp.MustCompile(`^ipctop_[a-z_]+$`).MatchString(f.Name) || f.Unit != "" && !strings.HasSuffix(f.Name, "_"+f.Unit) || f.Help == "" {
			t.Errorf("family %s: twice, or a bad name, or no help", f.Name)
		}
		names[f.Name] = true
		for i, s := range f.Samples {
			if len(s.Values) != len(f.Labels) {
				t.Errorf("%s has labels %v and a sample with %q", f.Name, f.Labels, s.Values)
			}
			if i > 0 && slices.Compare(f.Samples[i-1].Values, s.Values) >= 0 {
				t.Errorf("%s: %q does not come after %q", f.Name, s.Values, f.Samples[i-1].Values)
			}
			for _, v := range s.Values {
				if !utf8.ValidString(v) || utf8.RuneCountInString(v) > maxName || strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("%s: the label %q is too long or not printable", f.Name, v)
				}
			}
		}
		series += len(f.Samples)
	}
	return series
}

func TestRich(t *testing.T) {
	s := modeltest.Rich()
	for _, name := range []string{modeltest.Escapes, modeltest.Invalid, modeltest.Bidi, modeltest.Zalgo, modeltest.Long} {
		s.Findings = append(s.Findings, model.Finding{Rule: name, Severity: model.Severity(name), Confidence: model.Confidence(name), Containers: []string{name}})
		s.Waits = append(s.Waits, model.Wait{Needs: name, Object: name + ":1"})
		s.Objects = append(s.Objects, &model.Object{Kind: model.Kind(name), Name: name, Detail: &model.MemoryDetail{Size: model.Some[int64](1)}})
		s.Limits = append(s.Limits, model.Limit{Name: name, Unit: name, Kind: model.Kind(name), Used: model.Some[int64](1)})
		s.Gaps = append(s.Gaps, model.Gap{Reason: model.Reason(name)})
	}
	checkFamilies(t, Of(s, Options{Rules: diagnose.Rules()}))
}

// TestBounded: ten thousand hostile names of objects, and even more other names, make only some
// hundred series, and none with a pid.
func TestBounded(t *testing.T) {
	count := func(things int) int {
		s := &model.Snapshot{Waits: []model.Wait{}, Findings: []model.Finding{}, Host: model.Host{Namespaces: map[string]uint64{"ipc": 7}}}
		s.Limits = append(s.Limits, model.Limit{Name: "kernel.msgmni", Scope: &model.LimitScope{NS: 7}, Used: model.Some[int64](0), Max: model.Some[int64](1000)})
		for i := range things {
			pid := 4_000_000 + i
			name := fmt.Sprintf("/evil-%d\n{}\"\\%c%c", pid, 'a'+i%26, 0x4e00+i)
			size := model.Some(int64(i))
			holders := []model.Holder{{PID: int32(pid), Comm: name}}
			for _, o := range []model.Object{
				{Kind: model.PosixShm, Detail: &model.MemoryDetail{Allocated: size, Size: size}},
				{Kind: model.Memfd, Detail: &model.MemoryDetail{Size: size}},
				{Kind: model.SysvShm, Detail: &model.SysvShmDetail{Key: fmt.Sprintf("0x%08x", i+1), Size: size, RSS: size, Swap: size}},
				{Kind: model.PosixMq, Detail: &model.PosixMqDetail{Messages: size, Bytes: size}},
				{Kind: model.SysvMsg, Detail: &model.SysvMsgDetail{Key: fmt.Sprintf("0x%08x", i+1), Messages: size, Bytes: size}},
				{Kind: model.Unix, Detail: &model.UnixDetail{State: "listen", Path: name, Backlog: size}},
				{Kind: model.Unix, Detail: &model.UnixDetail{State: "listen", Abstract: name, Backlog: size}},
				{Kind: model.TCP, Detail: &model.InetDetail{State: "LISTEN", Local: fmt.Sprintf("0.0.0.0:%d", i), Backlog: size}},
			} {
				o.Name, o.Path, o.Holders = name, name, holders
				s.Objects = append(s.Objects, &o)
			}
			s.Processes = append(s.Processes, &model.Process{PID: pid, Comm: name})
			s.Waits = append(s.Waits, model.Wait{PID: pid, TID: pid, Comm: name, Needs: model.NeedsData, Object: "pipe:1"})
			s.Findings = append(s.Findings, model.Finding{Rule: "zombies", Severity: model.Warning, Confidence: model.Certain, PIDs: []int{pid}, Containers: []string{fmt.Sprintf("evil\n%c", 0x4e00+i)}})
			s.Limits = append(s.Limits,
				model.Limit{Name: "kernel.msgmni", Scope: &model.LimitScope{NS: uint64(i + 100)}, Used: size, Max: size},
				model.Limit{Name: "pipe-user-pages", Scope: &model.LimitScope{UID: model.Some(i)}, Used: size, Max: size},
				model.Limit{Name: "RLIMIT_NOFILE", Scope: &model.LimitScope{PID: pid}, Used: size, Max: size})
			s.Gaps = append(s.Gaps, model.Gap{Reason: model.Denied, PID: pid, Path: name})
		}
		families := Of(s, Options{Rules: diagnose.Rules()})
		for _, f := range families {
			for _, sample := range f.Samples {
				if regexp.MustCompile(`40[0-9]{5}`).MatchString(strings.Join(sample.Values, " ")) {
					t.Fatalf("a pid in %s%q", f.Name, sample.Values)
				}
			}
		}
		if _, ok := values(families, "limit_max")["kernel.msgmni,,,,7"]; !ok {
			t.Error("the limit of ipctop's own namespace was pushed out")
		}
		if got := values(families, "objects")["posix-shm"]; int(got) != things {
			t.Errorf("%v shared memory objects, want %d", got, things)
		}
		sum := 0.0
		for _, v := range values(families, "shared_memory_bytes") {
			sum += v
		}
		if want := float64(3 * things * (things - 1) / 2); sum != want { // the memory of POSIX objects, and of segments twice
			t.Errorf("named shared memory is %v bytes, want %v", sum, want)
		}
		return checkFamilies(t, families)
	}
	few, many := count(200), count(1250)
	if few != many || many > 600 {
		t.Errorf("1,600 names make %d series, 10,000 names %d", few, many)
	}
}

func TestName(t *testing.T) {
	for in, want := range map[string]string{
		"/tmp/ssh-x/agent.4121":      "/tmp/ssh-x/agent.*",
		"@/tmp/.X11-unix/X0":         "@/tmp/.X11-unix/X0",
		"/run/user/1000/bus":         "/run/user/*/bus",
		"bb9b1ed6a8a8c1d2/bus/x":     "*/bus/x",
		"a\nb\x1b\xff\u202e":         "a_b___",
		strings.Repeat("x", 100):     strings.Repeat("x", 63) + "~",
		strings.Repeat("数", 64) + "": strings.Repeat("数", 64),
	} {
		if got := Name(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// BenchmarkOf counts a machine of 1,000 processes with 20,000 objects.
func BenchmarkOf(b *testing.B) {
	s := &model.Snapshot{Waits: []model.Wait{}, Findings: []model.Finding{}}
	for i := range 1000 {
		pid := i + 1
		s.Processes = append(s.Processes, &model.Process{PID: pid})
		s.Waits = append(s.Waits, model.Wait{PID: pid, Needs: model.NeedsData, Object: "pipe:1"})
		for range 20 {
			s.Objects = append(s.Objects, &model.Object{
				Kind: model.Pipe, Holders: []model.Holder{{PID: int32(pid)}}, Detail: &model.PipeDetail{Queued: model.Some[int64](1)},
			})
		}
	}
	for b.Loop() {
		Of(s, Options{Rules: diagnose.Rules()})
	}
}

// TestHosts: each of several hosts is counted separately, and a host that was not read does not
// get zeros.
func TestHosts(t *testing.T) {
	s := &model.Snapshot{
		Hosts: []model.HostSnapshot{{Name: "a", Scan: model.Scan{Processes: 2}}, {Name: "b", Scan: model.Scan{Processes: 3}}},
		Waits: []model.Wait{{PID: model.HostPIDs + 1, Needs: model.NeedsData, Object: "pipe:1@a"}},
		Findings: []model.Finding{
			{Host: "a", Rule: "zombies", Severity: model.Warning, Confidence: model.Certain},
			{Host: "gone", Rule: "zombies", Severity: model.Warning, Confidence: model.Certain},
		},
		Objects: []*model.Object{{Kind: model.Pipe, Host: "a"}, {Kind: model.Pipe, Host: "b"}, {Kind: model.Pipe, Host: "b"}},
		Gaps:    []model.Gap{{Host: "b", Op: "read findings", Reason: model.Unsupported, Count: 1}},
	}
	families := Of(s, Options{Rules: diagnose.Rules()})
	checkFamilies(t, families)
	for name, want := range map[string]float64{"a,zombies,warning,certain,": 1, "a,lock-wait,warning,certain,": 0} {
		if got, ok := values(families, "findings")[name]; !ok || got != want {
			t.Errorf("findings of %s: %v, want %v", name, got, want)
		}
	}
	for name := range values(families, "findings") {
		if !strings.HasPrefix(name, "a,") {
			t.Errorf("a sample of findings of %s, where nobody looked", name)
		}
	}
	for metric, want := range map[string]map[string]float64{
		"objects": {"a,pipe": 1, "b,pipe": 2}, "processes": {"a": 2, "b": 3}, "blocked_threads": {"a,pipe,data,false": 1},
	} {
		if got := values(families, metric); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", metric, got, want)
		}
	}
}
