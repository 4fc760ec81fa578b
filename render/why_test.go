package render

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/query"
)

// whySnapshot returns a deadlock over a full pipe and a file lock, a victim of it, a client
// of another host, an idle process, and one with a hostile name.
func whySnapshot() *model.Snapshot {
	hold := func(pid int32, comm string, fd int32, a model.Access) model.Holder {
		return model.Holder{PID: pid, Comm: comm, Via: model.ViaFD, FD: model.Some(fd), Access: a}
	}
	process := func(pid int, comm string) *model.Process {
		return &model.Process{PID: pid, PPID: 1, Comm: comm, Label: comm, State: "S", Threads: 1, Signals: &model.Signals{Caught: []string{}}}
	}
	wait := func(pid int, comm, call, needs, object string, fd int) model.Wait {
		return model.Wait{
			PID: pid, TID: pid, Comm: comm, Call: call, Needs: needs, Object: object, Timed: model.Some(false), Confirmed: true,
			BlockedFor: model.Some(int64(192 * time.Second)), Target: &model.Target{FD: model.Some(fd)},
		}
	}
	locked := hold(4121, "writer", 5, "")
	locked.Via, locked.LockHold = model.ViaLock, &model.LockHold{LockMode: "WRITE", Range: "0-EOF"}
	s := &model.Snapshot{
		Schema: model.Schema, Taken: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Scan: model.Scan{Processes: 6},
		Processes: []*model.Process{
			process(40, "sshd"), process(911, "cron"), process(4121, "writer"), process(4188, "pager"), process(5000, modeltest.Escapes[:15]),
			process(6000, "client"), process(7000, "python3"),
		},
		Objects: []*model.Object{
			{
				ID: "pipe:88213", Kind: model.Pipe, HoldersComplete: true, Fill: model.Some(model.Ratio(1)),
				Detail:  &model.PipeDetail{Queued: model.Some(int64(65536)), Capacity: model.Some(int64(65536))},
				Holders: []model.Holder{hold(4121, "writer", 1, model.Write), hold(4188, "pager", 0, model.Read)},
			},
			{
				ID: "file:254:0:7", Kind: model.File, Path: "/tmp/q.lck", HoldersComplete: true, Holders: []model.Holder{locked},
				Detail: &model.FileDetail{Locks: []model.Lock{
					{Type: "flock", Mode: "WRITE", PID: model.Some(4121), Holders: []int{4121}},
				}},
			},
			{
				ID: "futex:7000:0x10", Kind: model.Futex, HoldersComplete: true, Detail: &model.FutexDetail{Type: "sem", Libc: "glibc"},
			},
			{
				ID: "tcp:9", Kind: model.TCP, HoldersComplete: true, Holders: []model.Holder{hold(6000, "client", 3, model.ReadWrite)},
				Detail: &model.InetDetail{State: "ESTAB", Remote: "192.0.2.7:5432", LastRecv: model.Some(int64(90 * time.Second))},
			},
		},
		Waits: []model.Wait{
			wait(911, "cron", "flock", "lock", "file:254:0:7", 3),
			wait(4121, "writer", "write", "space", "pipe:88213", 1), wait(4188, "pager", "flock", "lock", "file:254:0:7", 4),
			wait(40, "sshd", "epoll_wait", "event", "", 5), wait(5000, modeltest.Escapes[:15], "flock", "lock", "file:254:0:7", 3),
			wait(6000, "client", "recvfrom", "data", "tcp:9", 3), wait(7000, "python3", "futex", "lock", "futex:7000:0x10", 0),
		},
	}
	for i := range s.Waits {
		if w := &s.Waits[i]; w.Call == "flock" {
			w.Target.LockType, w.Target.Mode, w.Target.Range = "flock", "WRITE", "0-EOF"
		}
	}
	s.Waits[3].Idle = true
	diagnose.Run(s, diagnose.Options{MinAge: time.Second})
	return s
}

func whyText80(t *testing.T, s *model.Snapshot, o Options, refs ...string) string {
	t.Helper()
	var b bytes.Buffer
	g := graph.New(model.NewIndex(s))
	v := NewView(g.Index, &o)
	if refs == nil {
		if err := WhyAll(&b, v, g); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	var matches []query.Match
	for _, ref := range refs {
		m, err := query.One(s, ref)
		if err != nil {
			t.Fatal(err)
		}
		matches = append(matches, m)
	}
	if err := Why(&b, v, g, matches); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWhy(t *testing.T) {
	s := whySnapshot()
	for name, refs := range map[string][]string{
		"why-all": nil, "why-deadlock": {"4121"}, "why-victim": {"911"}, "why-idle": {"40"}, "why-remote": {"6000"}, "why-object": {"/tmp/q.lck"}, "why-signal": {"7000"},
	} {
		compareShow(t, name, []byte(whyText80(t, s, Options{}, refs...)))
	}
	s.Waits, s.Findings = nil, []model.Finding{}
	compareShow(t, "why-nothing", []byte(whyText80(t, s, Options{})))
	s.Scan.ProcessesUnreadable = 41
	compareShow(t, "why-hidden", []byte(whyText80(t, s, Options{})))
}

// TestWhyOfACircle: two processes that read from each other are deadlocked, unless one of
// them catches a signal whose handler may act.
func TestWhyOfACircle(t *testing.T) {
	s := whySnapshot()
	hold := func(pid, fd int32, a model.Access) model.Holder {
		return model.Holder{PID: pid, Via: model.ViaFD, FD: model.Some(fd), Access: a}
	}
	copied := *s.Objects[0]
	back := &copied
	back.ID, back.Detail, back.Fill = "pipe:88214", new(model.PipeDetail), model.Opt[model.Ratio]{}
	back.Holders = []model.Holder{hold(4188, 1, model.Write), hold(4121, 0, model.Read)}
	s.Objects = []*model.Object{s.Objects[0], back}
	s.Waits = s.Waits[1:3]
	for i := range s.Waits {
		s.Waits[i].Call, s.Waits[i].Needs, s.Waits[i].Object, s.Waits[i].Target = "read", "data", s.Objects[1-i].ID, nil
	}
	for caught, want := range map[string]string{"": "is where the chain began: deadlock", "SIGTERM": "unless writer(4121) acts when a signal comes: it catches SIGTERM"} {
		s.Processes[2].Signals = &model.Signals{Caught: []string{}}
		if caught != "" {
			s.Processes[2].Signals.Caught = []string{caught}
		}
		diagnose.Run(s, diagnose.Options{})
		if text := whyText80(t, s, Options{}, "4188"); !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("%q caught: no %q in\n%s", caught, want, text)
		}
	}
}

// TestWhyOfBoth: for processes that wait for each other, the waits and the finding are
// written only once.
func TestWhyOfBoth(t *testing.T) {
	text := whyText80(t, whySnapshot(), Options{}, "4121", "4188")
	for _, once := range []string{"deadlock: ", "found: deadlock", "to end it: kill 4121", "writes to", "pager(4188): see above"} {
		if n := strings.Count(text, once); n != 1 {
			t.Errorf("%q stands there %d times in\n%s", once, n, text)
		}
	}
}

// TestWhyFits checks that no line is wider than the terminal, and that no text from another
// process can control it.
func TestWhyFits(t *testing.T) {
	s := whySnapshot()
	s.Objects[1].Path = modeltest.Long
	for _, o := range []Options{{}, {Width: 40}, {Width: 200}, {ASCII: true}} {
		width := 80
		if o.Width > 0 {
			width = min(width, o.Width)
		}
		text := whyText80(t, s, o) + whyText80(t, s, o, "5000", "911", "file:254:0:7")
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if Width(line) > width || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x9b || o.ASCII && r > 0x7f }) {
				t.Errorf("with %+v: %q is %d wide", o, line, Width(line))
			}
		}
		if !strings.Contains(text, "deadlock") {
			t.Errorf("with %+v: no deadlock in\n%s", o, text)
		}
	}
}

func TestWhyJSON(t *testing.T) {
	s := whySnapshot()
	m, err := query.One(s, "911")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	s.FromFile = true
	if err := WhyJSON(&b, graph.New(model.NewIndex(s)), []query.Match{m}, false); err != nil {
		t.Fatal(err)
	}
	var got struct {
		FromFile bool `json:"from_file"`

		Chains []struct {
			Steps  []model.Step
			Ends   string
			Circle bool
		}
		Waits, Findings []struct{ PID int }
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, b.Bytes())
	}
	if !got.FromFile || len(got.Chains) != 1 || len(got.Waits) != 3 || len(got.Findings) != 1 {
		t.Fatalf("got %s", b.Bytes())
	}
	var pids []int
	for _, step := range got.Chains[0].Steps {
		pids = append(pids, step.PID)
	}
	if c := got.Chains[0]; !slices.Equal(pids, []int{911, 4121, 4188}) || !c.Circle || c.Ends != "stuck" {
		t.Errorf("chain %v, ends %s, circle %v", pids, c.Ends, c.Circle)
	}
}

// TestWhyTellsOfWakingChildren: make waits for a token of its job server or for one of its
// children, whichever comes first.
func TestWhyTellsOfWakingChildren(t *testing.T) {
	const said = "the end of a child would wake it, too: sleep(41) sleeps 30s more"
	sleep := func(pid, parent int) *model.Process {
		return &model.Process{PID: pid, PPID: parent, Comm: "sleep", State: "S", Threads: 1, Signals: &model.Signals{}}
	}
	for name, c := range map[string]struct {
		caught, blocked []string
		state           string // of the socket that it polls
		children        int
		said, more      bool
	}{
		"a child":                {caught: []string{"SIGCHLD"}, children: 1, said: true},
		"many children":          {caught: []string{"SIGCHLD"}, children: 5, said: true, more: true},
		"does not catch SIGCHLD": {caught: []string{"SIGTERM"}, children: 1},
		"blocks SIGCHLD":         {caught: []string{"SIGCHLD"}, blocked: []string{"SIGCHLD"}, children: 1},
		"serves clients":         {caught: []string{"SIGCHLD"}, state: "listen", children: 1},
		"no child":               {caught: []string{"SIGCHLD"}},
	} {
		s := &model.Snapshot{Schema: model.Schema, Processes: []*model.Process{{
			PID: 40, Comm: "make", State: "S", Threads: 1, Signals: &model.Signals{Caught: c.caught, Blocked: c.blocked},
		}}}
		s.Objects = []*model.Object{{
			ID: "unix:7", Kind: model.Unix, HoldersComplete: true, Detail: &model.UnixDetail{State: c.state},
			Holders: []model.Holder{{PID: 40, Comm: "make", Via: model.ViaFD, FD: model.Some[int32](3), Access: model.ReadWrite}},
		}}
		s.Waits = []model.Wait{{PID: 40, TID: 40, Comm: "make", Call: "pselect6", Needs: model.NeedsEvent, Objects: []string{"unix:7"}, Confirmed: true}}
		for i := range c.children {
			s.Processes = append(s.Processes, sleep(41+i, 40))
			s.Waits = append(s.Waits, model.Wait{
				PID: 41 + i, TID: 41 + i, Comm: "sleep", Call: "clock_nanosleep", Needs: model.NeedsTime, Confirmed: true,
				Timeout: model.Some(int64(40 * time.Second)), BlockedFor: model.Some(int64(10 * time.Second)),
			})
		}
		got := whyText80(t, s, Options{Width: Unwrapped}, "40")
		if strings.Contains(got, said) != c.said || strings.Contains(got, "and 2 more children") != c.more {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

// TestWhyOfUndecodedCall: why for a process says why it is not known what it waits for.
func TestWhyOfUndecodedCall(t *testing.T) {
	s := whySnapshot()
	kept := s.Waits[:0]
	for _, w := range s.Waits {
		if w.PID != 911 {
			kept = append(kept, w)
		}
	}
	s.Waits = kept
	s.Gaps = append(s.Gaps, model.Gap{
		Probe: "waits", Reason: model.Unsupported, PID: 911, TID: 911, Op: "read syscall", Count: 1,
		Detail: "unsupported operation: it may be a 32-bit program, which has other system call numbers",
	}, model.Gap{Probe: "waits", Reason: model.Denied, PID: 40, Op: "read syscall", Count: 1, Detail: "permission denied"})
	for pid, want := range map[string]string{
		"911": "does something that could not be read: it may be a 32-bit program, which has other system call numbers",
		"40":  "does something that could not be read.",
	} {
		matches, err := query.Find(s, pid)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		x := model.NewIndex(s)
		if err := Why(&b, NewView(x, &Options{Width: Unwrapped}), graph.New(x), matches); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s: %s", pid, b.String())
		}
	}
}

func TestThreadsWait(t *testing.T) {
	for n, want := range map[int]string{1: "1 thread of 8 waits", 5: "5 threads of 8 wait"} {
		if got := threadsWait(n, 8); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
