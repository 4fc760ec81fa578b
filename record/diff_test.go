package record

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// edited returns two snapshots that differ only in what edit changes in the second.
func edited(edit func(*model.Snapshot)) (a, b *model.Snapshot) {
	build := func() *model.Snapshot {
		hold := func(pid, fd int32) model.Holder {
			return model.Holder{PID: pid, Comm: "w", Via: model.ViaFD, FD: model.Some(fd), Access: model.Write}
		}
		return &model.Snapshot{
			Schema: model.Schema, Taken: began, Host: model.Host{Hostname: "db1", BootID: "boot1"},
			Processes: []*model.Process{
				{PID: 10, StartTicks: 5, Comm: "w", State: "S", Threads: 1, FDs: model.Some(3)},
				{PID: 11, StartTicks: 6, Comm: "r", State: "S", Threads: 1},
				{PID: 99, StartTicks: 7, Comm: "ipctop", Self: true, FDs: model.Some(9)},
			},
			Objects: []*model.Object{
				{ID: "pipe:1", Kind: model.Pipe, Holders: []model.Holder{hold(10, 1)}, Detail: &model.PipeDetail{Queued: model.Some[int64](5), Capacity: model.Some[int64](65536)}},
				{ID: "unix:2", Gen: "7", Kind: model.Unix, Name: "/run/x", Holders: []model.Holder{hold(11, 4)}, Detail: &model.UnixDetail{State: "listen"}},
				{ID: "pipe:3", Kind: model.Pipe, Holders: []model.Holder{hold(99, 3)}, Detail: &model.PipeDetail{}},
			},
			Findings: []model.Finding{{ID: "pipe-full:10", Rule: "pipe-full", Severity: model.Warning, Summary: "full"}},
		}
	}
	a, b = build(), build()
	edit(b)
	return a, b
}

func TestDiff(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*model.Snapshot)
		want []string
	}{
		"nothing": {func(*model.Snapshot) {}, nil},
		"what is ipctop's own": {func(s *model.Snapshot) {
			s.Processes = s.Processes[:2]
			s.Objects = s.Objects[:2]
		}, nil},
		"states that come and go": {func(s *model.Snapshot) { s.Processes[0].State = "R" }, nil},
		"a process stopped":       {func(s *model.Snapshot) { s.Processes[0].State = "T" }, []string{"processes changed 10 state S>T"}},
		"a process went":          {func(s *model.Snapshot) { s.Processes = s.Processes[1:] }, []string{"processes vanished 10"}},
		"a pid was used again":    {func(s *model.Snapshot) { s.Processes[0].StartTicks = 8 }, []string{"processes appeared 10", "processes vanished 10"}},
		"descriptors":             {func(s *model.Snapshot) { s.Processes[0].FDs = model.Some(7) }, []string{"processes changed 10 fds 3>7+4"}},
		"what was known is unknown": {
			func(s *model.Snapshot) { s.Processes[0].FDs = model.Opt[int]{} },
			[]string{"processes changed 10 fds 3>"},
		},
		"a queue grew": {func(s *model.Snapshot) {
			s.Objects[0].Detail = &model.PipeDetail{Queued: model.Some[int64](4096), Capacity: model.Some[int64](65536)}
		}, []string{"objects grew pipe:1 queued 5>4096+4091"}},
		"a queue was emptied": {func(s *model.Snapshot) {
			s.Objects[0].Detail = &model.PipeDetail{Queued: model.Some[int64](0), Capacity: model.Some[int64](65536)}
		}, []string{"objects changed pipe:1 queued 5>0-5"}},
		"a number was used again":   {func(s *model.Snapshot) { s.Objects[1].Gen = "8" }, []string{"objects appeared unix:2", "objects vanished unix:2"}},
		"a generation is not known": {func(s *model.Snapshot) { s.Objects[1].Gen = "" }, nil},
		"a name":                    {func(s *model.Snapshot) { s.Objects[1].Name = "/run/y" }, []string{"objects changed unix:2 name /run/x>/run/y"}},
		"another holder": {func(s *model.Snapshot) {
			s.Objects[0].Holders = append(s.Objects[0].Holders, model.Holder{PID: 11, Comm: "r", Via: model.ViaMap})
		}, []string{"holders appeared pipe:1 11 via >map"}},
		"a holder less": {func(s *model.Snapshot) { s.Objects[0].Holders = nil }, []string{"holders vanished pipe:1 10 via fd 1>"}},
		"findings": {
			func(s *model.Snapshot) { s.Findings = []model.Finding{{ID: "deadlock:11", Summary: "stuck"}} },
			[]string{"findings appeared deadlock:11", "findings vanished pipe-full:10"},
		},
		"a finding got worse":     {func(s *model.Snapshot) { s.Findings[0].Severity = model.Critical }, []string{"findings changed pipe-full:10 severity warning>critical"}},
		"findings nobody did see": {func(s *model.Snapshot) { s.Findings = nil }, nil},
	} {
		var got []string
		for _, c := range Diff(edited(test.edit)).Changes {
			words := []string{c.List, c.Change}
			if c.ID != "" {
				words = append(words, c.ID)
			}
			if c.PID != 0 {
				words = append(words, fmt.Sprint(c.PID))
			}
			for _, f := range c.Fields {
				by := ""
				if n, ok := f.By.Get(); ok {
					by = fmt.Sprintf("%+d", n)
				}
				words = append(words, f.Name, f.Before+">"+f.After+by)
			}
			got = append(got, strings.Join(words, " "))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, test.want)
		}
	}
}

func TestWhatGrewMostComesFirst(t *testing.T) {
	d := Diff(edited(func(s *model.Snapshot) {
		s.Processes[0].FDs = model.Some(7)
		s.Objects[0].Detail = &model.PipeDetail{Queued: model.Some[int64](4096)}
		s.Objects[1].Detail = &model.UnixDetail{State: "listen", RecvQueue: model.Some[int64](9000)}
		s.Findings = nil
		s.Findings = []model.Finding{}
	}))
	d.Sort()
	var got []string
	for _, c := range d.Changes {
		got = append(got, c.List+" "+c.Change+" "+c.ID)
	}
	// A value that was unknown has not grown.
	want := []string{"findings vanished pipe-full:10", "objects grew pipe:1", "processes changed ", "objects changed unix:2"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestComparable(t *testing.T) {
	for _, test := range []struct{ host, boot, want string }{
		{"db1", "boot1", ""}, {"db1", "", ""}, {"db1", "boot2", "restarted"}, {"db2", "boot2", "two machines"},
	} {
		d := Diff(edited(func(s *model.Snapshot) { s.Host.Hostname, s.Host.BootID = test.host, test.boot }))
		if got := d.Comparable(); (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s %s: %q", test.host, test.boot, got)
		}
	}
}

func TestTrend(t *testing.T) {
	var trend Trend
	for i := range 6 {
		_, s := edited(func(s *model.Snapshot) {
			s.Taken = began.Add(time.Duration(i) * time.Minute)
			s.Processes[0].FDs = model.Some(3 + 2*i)  // leaks
			s.Processes[1].FDs = model.Some(10 + i%3) // does not
			s.Processes[2].FDs = model.Some(10 + i)   // is ipctop
			s.Objects[1].Gen = fmt.Sprint(i)          // is the same kind
			for j := range min(i, 2) {                // grows twice, as a program does that starts
				s.Objects = append(s.Objects, &model.Object{ID: fmt.Sprintf("tcp:%d", j), Kind: model.TCP})
			}
			for j := range i { // leaks, of one process
				s.Objects = append(s.Objects, &model.Object{
					ID: fmt.Sprintf("memfd:%d", j), Kind: model.Memfd, Holders: []model.Holder{{PID: 11, Comm: "r", Via: model.ViaFD}},
				})
			}
		})
		trend.Add(s)
	}
	var got []string
	for _, g := range trend.Growing() {
		got = append(got, fmt.Sprintf("%d %s %s %d-%d %d", g.PID, g.Comm, g.Kind, g.First, g.Last, g.Times))
	}
	want := []string{"10 w  3-13 5", "0  memfd 1-5 4", "11 r memfd 1-5 4"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMoments(t *testing.T) {
	f, _ := recording(t, newMachine(1, 1), 240, 10*time.Second) // from 12:00 on, 40 minutes
	rec := open(t, f.b)
	zone := time.FixedZone("", 3600)
	last := rec.Time(rec.Len() - 1)
	noon := began.Truncate(24 * time.Hour).Add(12 * time.Hour)
	for s, want := range map[string]time.Time{
		"12:20": {}, "13:20": noon.Add(20 * time.Minute), "13:20:15": noon.Add(20*time.Minute + 15*time.Second),
		"3m ago": last.Add(-3 * time.Minute), "90s ago": last.Add(-90 * time.Second), "0s ago": last, "1d ago": {},
		"2025-03-01T12:20:10Z": noon.Add(20*time.Minute + 10*time.Second), "2025-03-01T13:21": noon.Add(21 * time.Minute),
		"2025-03-01 13:21:15": noon.Add(21*time.Minute + 15*time.Second), "13:59": {},
	} {
		m, err := ParseMoment(s, zone)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		i, late := m.In(rec)
		switch {
		case late:
			t.Errorf("%s is after the end", s)
		case want.IsZero() != (i < 0):
			t.Errorf("%s is sample %d", s, i)
		case i >= 0 && (rec.Time(i).After(want.Add(time.Second)) || want.Sub(rec.Time(i)) > 11*time.Second):
			t.Errorf("%s is the sample of %v, want %v", s, rec.Time(i), want)
		}
	}
	late, _ := ParseMoment("2025-03-02T00:00:00Z", zone)
	if i, after := late.In(rec); i != rec.Len()-1 || !after {
		t.Errorf("after the end: %d %v", i, after)
	}
	for _, s := range []string{"", "soon", "25:00", "ago", "-3m ago", "12:01:61"} {
		if m, err := ParseMoment(s, zone); err == nil {
			t.Errorf("%q is %+v", s, m)
		}
	}
}

// TestDiffOfItself: with --self, ipctop's own processes and objects are compared like others.
func TestDiffOfItself(t *testing.T) {
	a, b := edited(func(s *model.Snapshot) {
		s.Processes = s.Processes[:2]
		s.Objects = s.Objects[:2]
	})
	a.ShowOwn, b.ShowOwn = true, true
	var got []string
	for _, c := range Diff(a, b).Changes {
		got = append(got, c.List+" "+c.Change)
	}
	if want := []string{"processes vanished", "objects vanished"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
