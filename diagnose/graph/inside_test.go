package graph

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

func TestInside(t *testing.T) {
	for _, tt := range []struct {
		process model.Process
		want    string
	}{
		{model.Process{PID: 7, Exe: "/usr/lib/postgresql/15/bin/postgres"}, "pg_stat_activity WHERE pid = 7"},
		{model.Process{PID: 7, Exe: "/usr/sbin/mariadbd"}, "SHOW FULL PROCESSLIST"},
		{model.Process{PID: 7, Exe: "/usr/bin/redis-server"}, "CLIENT LIST"},
		{model.Process{PID: 7, Exe: "/usr/lib/jvm/bin/java", Runtime: model.RuntimeJVM}, "jstack 7"},
		{model.Process{PID: 7, Exe: "/opt/launcher", Runtime: model.RuntimeJVM}, "jstack 7"},
		{model.Process{PID: 7, Exe: "/opt/server", Runtime: model.RuntimeGo}, "kill -QUIT 7, which prints the stacks of all goroutines and ends it"},
		{model.Process{PID: 7, Exe: "/usr/bin/node"}, "node inspect -p 7"},
		{model.Process{PID: 7, Exe: "/usr/bin/python3.11 (deleted)"}, "py-spy dump -p 7"},
		{model.Process{PID: 7, Comm: "python3"}, "py-spy dump -p 7"},
		{model.Process{PID: 7, Exe: "/usr/bin/make"}, "gdb -p 7"},
	} {
		if got := Inside(&tt.process); !strings.Contains(got, tt.want) || strings.Contains(got, "PID") {
			t.Errorf("%s: %q lacks %q", tt.process.Exe, got, tt.want)
		}
	}
	for kind, want := range map[EndKind]bool{Running: true, Idle: true, Asleep: true, Stuck: true, Stopped: false, Frozen: false, Traced: false, Unseen: false} {
		e := End{Kind: kind, Process: &model.Process{PID: 7}}
		if got := e.Inside() != ""; got != want {
			t.Errorf("%s: %t, want %t", kind, got, want)
		}
	}
}

// TestPolling follows a client to a server that polls, and checks what is said about it.
func TestPolling(t *testing.T) {
	for _, tt := range []struct {
		name    string
		objects []string
		cmdline []string
		want    string
	}{
		{"one pipe", []string{"pipe:9"}, nil, "polls pipe:9; may be idle or waiting inside the application"},
		{"many", []string{"pipe:9", "pipe:8"}, nil, "polls 2 descriptors; may be idle"},
		{"unknown", nil, nil, "waits for events; may be idle"},
		{"a title", nil, []string{"postgres: shop UPDATE waiting"}, "its title is “postgres: shop UPDATE waiting”; may be idle"},
		{"a long title", nil, []string{"postgres: " + strings.Repeat("x", 4096)}, "xxx…”"},
	} {
		s := talk()
		s.Processes[1].Cmdline = tt.cmdline
		w := &s.Waits[1]
		w.Call, w.Needs, w.Object, w.Objects, w.Idle = "epoll_wait", model.NeedsEvent, "", tt.objects, true
		g := New(model.NewIndex(s))
		c := g.Chain(&s.Waits[0])
		if c.End.Kind != Idle || c.End.Process == nil || c.End.Process.PID != 20 || !strings.Contains(c.End.Doing, tt.want) || len(c.End.Doing) > 300 {
			t.Errorf("%s: %+v, want %q", tt.name, c.End, tt.want)
		}
		if !g.Unclear(w) || g.Unclear(&s.Waits[0]) {
			t.Errorf("%s: what a set is for is not shown, but what a read is for is", tt.name)
		}
	}
}

// TestLocksInside: a condition of a language's runtime may be one of its locks.
func TestLocksInside(t *testing.T) {
	for _, tt := range []struct {
		change  func(*model.Process)
		unclear bool
	}{
		{func(*model.Process) {}, false},
		{func(p *model.Process) { p.Runtime = model.RuntimeJVM }, true},
		{func(p *model.Process) { p.Exe = "/usr/bin/python3.11" }, true},
	} {
		s := talk()
		tt.change(s.Processes[1])
		s.Objects = append(s.Objects, &model.Object{ID: "futex:20:8", Kind: model.Futex, Detail: &model.FutexDetail{Type: "cond"}})
		w := &s.Waits[1]
		w.Call, w.Needs, w.Object, w.Idle = "futex", model.NeedsEvent, "futex:20:8", true
		g := New(model.NewIndex(s))
		c := g.Chain(&s.Waits[0])
		if g.Unclear(w) != tt.unclear || strings.Contains(c.End.Doing, "inside the application") != tt.unclear || !strings.HasPrefix(c.End.Doing, "waits at a condition variable") {
			t.Errorf("%+v: unclear %v, %q", s.Processes[1], g.Unclear(w), c.End.Doing)
		}
	}
}

// TestOthersFirst: a process waits for an end that it also holds itself: the chain
// continues with the other process that holds it.
func TestOthersFirst(t *testing.T) {
	s := talk()
	worker(s)
	s.Objects[0].Holders = append(s.Objects[0].Holders, model.Holder{PID: 10, Via: model.ViaFD, FD: model.Some[int32](9), Access: model.Write})
	s.Waits[1].Call, s.Waits[1].Needs, s.Waits[1].Object, s.Waits[1].Idle = "epoll_wait", model.NeedsEvent, "", true
	s.Waits[len(s.Waits)-1].Idle = false
	s.Processes[0].ThreadList = append(s.Processes[0].ThreadList, model.Thread{TID: 12, State: "R"})
	c := New(model.NewIndex(s)).Chain(&s.Waits[0])
	if c.End.Process == nil || c.End.Process.PID != 20 {
		t.Errorf("the chain ends at %+v", c.End)
	}
}
