package graph

import (
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// awaitsSignal returns two processes: 10 has a lock that its child 20 wants, and waits for
// a signal.
func awaitsSignal(call string) *model.Snapshot {
	s := circle()
	s.Processes, s.Waits = s.Processes[:2], s.Waits[:2]
	s.Processes[1].PPID = 10
	s.Processes[0].Signals = &model.Signals{Caught: []string{}, Blocked: []string{}}
	w := &s.Waits[0]
	w.Call, w.Needs, w.Object, w.Target, w.Idle = call, model.NeedsSignal, "", nil, true
	return s
}

// signalfd has process 10 wait at a signalfd.
func signalfd(s *model.Snapshot, signals ...string) {
	s.Objects = append(s.Objects, &model.Object{
		ID: "signalfd:9", Kind: model.Signalfd, HoldersComplete: true, Detail: &model.SignalfdDetail{Signals: signals},
		Holders: []model.Holder{{PID: 10, Via: model.ViaFD, FD: model.Some(int32(5)), Access: model.ReadWrite}},
	})
	if w := &s.Waits[0]; w.Call == "poll" {
		w.Needs, w.Objects = model.NeedsEvent, []string{"signalfd:9"}
	} else {
		w.Object = "signalfd:9"
	}
}

// TestWaitForChildsSignal: a process waits for SIGCHLD, and its child waits for a lock that
// the process has.
func TestWaitForChildsSignal(t *testing.T) {
	catch := func(signals ...string) func(*model.Snapshot) {
		return func(s *model.Snapshot) { s.Processes[0].Signals.Caught = signals }
	}
	target := func(signals ...string) func(*model.Snapshot) {
		return func(s *model.Snapshot) { s.Waits[0].Target = &model.Target{Signals: signals} }
	}
	for _, tt := range []struct {
		name, call string
		change     func(*model.Snapshot)
		want       model.Confidence // "": no deadlock
		followed   bool             // the chain continues with the child
	}{
		{"the shell's wait", "rt_sigsuspend", catch("SIGCHLD"), model.Likely, true},
		{"in an interactive shell", "rt_sigsuspend", catch("SIGINT", "SIGCHLD"), model.Likely, true},
		{"with a trap", "rt_sigsuspend", catch("SIGCHLD", "SIGTERM"), model.Possible, true},
		{"with another signal blocked", "rt_sigsuspend", func(s *model.Snapshot) {
			s.Processes[0].Signals = &model.Signals{Caught: []string{"SIGCHLD", "SIGTERM"}, Blocked: []string{"SIGTERM"}}
		}, model.Likely, true},
		{"pause", "pause", catch("SIGCHLD"), model.Likely, true},
		{"not caught", "pause", catch("SIGTERM"), "", false},
		{"blocked", "rt_sigsuspend", func(s *model.Snapshot) {
			s.Processes[0].Signals = &model.Signals{Caught: []string{"SIGCHLD", "SIGTERM"}, Blocked: []string{"SIGCHLD"}}
		}, "", false},
		{"sigwait", "rt_sigtimedwait", target("SIGCHLD"), model.Likely, true},
		{"sigwait for several", "rt_sigtimedwait", target("SIGTERM", "SIGCHLD"), model.Possible, true},
		{"sigwait for another one", "rt_sigtimedwait", target("SIGTERM"), "", false},
		{"sigwait for what is not known", "rt_sigtimedwait", func(*model.Snapshot) {}, "", false},
		{"sigtimedwait", "rt_sigtimedwait", func(s *model.Snapshot) {
			target("SIGCHLD")(s)
			s.Waits[0].Timed = model.Some(true)
		}, "", true},
		{"signalfd", "read", func(s *model.Snapshot) { signalfd(s, "SIGCHLD") }, model.Likely, true},
		{"signalfd for several", "read", func(s *model.Snapshot) { signalfd(s, "SIGCHLD", "SIGTERM") }, model.Possible, true},
		{"signalfd for another one", "read", func(s *model.Snapshot) { signalfd(s, "SIGTERM") }, "", false},
		{"a signalfd that is polled", "poll", func(s *model.Snapshot) { signalfd(s, "SIGCHLD") }, model.Likely, true},
		{"one for several that is polled", "poll", func(s *model.Snapshot) { signalfd(s, "SIGCHLD", "SIGTERM") }, "", false},
		{"no child", "rt_sigsuspend", func(s *model.Snapshot) {
			catch("SIGCHLD")(s)
			s.Processes[1].PPID = 1
		}, "", false},
		{"another child that is well", "rt_sigsuspend", func(s *model.Snapshot) {
			catch("SIGCHLD")(s)
			s.Processes = append(s.Processes, &model.Process{PID: 40, PPID: 10, State: "R", Threads: 1})
		}, "", true},
		{"a timer", "rt_sigsuspend", func(s *model.Snapshot) {
			catch("SIGCHLD")(s)
			s.Processes[0].Timers = model.Some(1)
		}, "", true},
		{"an alarm, perhaps", "pause", catch("SIGALRM", "SIGCHLD"), model.Possible, true},
	} {
		s := awaitsSignal(tt.call)
		tt.change(s)
		g := New(model.NewIndex(s))
		got, because := model.Confidence(""), ""
		if list := g.Deadlocks(); len(list) == 1 {
			got, because = list[0].Confidence, strings.Join(list[0].LoweredBy, "; ")
		}
		if got != tt.want || got != "" && !strings.Contains(because, "signal") {
			t.Errorf("%s: %q because of %q, want %q", tt.name, got, because, tt.want)
		}
		w := &s.Waits[0]
		if c := g.Chain(w); tt.followed != (c.End.Kind != Idle && c.End.Kind != Signal && c.End.Kind != Unseen) {
			t.Errorf("%s: the chain ends %+v", tt.name, c.End)
		}
		if text := g.Wants(w); w.Needs == model.NeedsSignal && tt.followed != strings.Contains(text, "one of its children") {
			t.Errorf("%s: %q", tt.name, text)
		}
		g.Annotate()
		if idle := tt.want != model.Likely; w.Needs == model.NeedsSignal && tt.want != "" && w.Idle != idle {
			t.Errorf("%s: idle is %t", tt.name, w.Idle)
		}
	}
}

// TestSupervisorIsIdle: a process waits for several signals including SIGCHLD, and its child
// reads what the process should write when another signal comes.
func TestSupervisorIsIdle(t *testing.T) {
	for _, signals := range [][]string{{"SIGCHLD"}, {"SIGCHLD", "SIGTERM"}} {
		s := talk()
		s.Processes[1].PPID = 10
		s.Processes[0].Signals = &model.Signals{Caught: signals}
		w := &s.Waits[0]
		w.Call, w.Needs, w.Object = "rt_sigsuspend", model.NeedsSignal, ""
		list := New(model.NewIndex(s)).Deadlocks()
		if found, want := len(list) > 0, !slices.Contains(signals, "SIGTERM"); found != want {
			t.Errorf("%s: %+v", signals, list)
		}
	}
}
