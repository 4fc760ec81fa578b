package render

import (
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
)

// portSnapshot returns a server and a worker that share the listening socket. The worker has
// one client, and the connections of two further clients wait in the backlog. All processes
// except the server itself poll several descriptors.
func portSnapshot(worker string, backlog int64) *model.Snapshot {
	s := &model.Snapshot{Schema: model.Schema, Taken: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Scan: model.Scan{Processes: 5}}
	for i, comm := range []string{"server", "worker", "client", "late", "later"} {
		s.Processes = append(s.Processes, &model.Process{PID: 10 + i, PPID: 1, Comm: comm, Label: comm, State: "S", Threads: 1, Signals: &model.Signals{Caught: []string{}}})
	}
	socket := func(id, state, local, remote, peer string, pids ...int32) *model.Object {
		o := &model.Object{ID: id, Kind: model.TCP, Name: local, HoldersComplete: true, Detail: &model.InetDetail{State: state, Local: local, Remote: remote}}
		for _, pid := range pids {
			o.Holders = append(o.Holders, model.Holder{PID: pid, Via: model.ViaFD, FD: model.Some(int32(3)), Access: model.ReadWrite})
		}
		if peer != "" {
			o.Peers = []model.Peer{{ID: peer, Confidence: model.Likely}}
		}
		s.Objects = append(s.Objects, o)
		return o
	}
	poll := func(pid int, ids ...string) {
		s.Waits = append(s.Waits, model.Wait{
			PID: pid, TID: pid, Call: "poll", Needs: model.NeedsEvent, Objects: append(ids, "timerfd:1"), Timed: model.Some(true),
			Idle: true, Confirmed: true, BlockedFor: model.Some(int64(5 * time.Second)),
		})
	}
	listener := socket("tcp:1", "LISTEN", "127.0.0.1:80", "0.0.0.0:*", "", 10, 11)
	listener.Detail.(*model.InetDetail).Backlog = model.Some(backlog)
	socket("tcp:2", "ESTAB", "127.0.0.1:80", "127.0.0.1:900", "tcp:3", 11)
	socket("tcp:3", "ESTAB", "127.0.0.1:900", "127.0.0.1:80", "tcp:2", 12)
	s.Objects = append(s.Objects, &model.Object{ID: "timerfd:1", Kind: model.Timerfd, Detail: &model.TimerfdDetail{}})
	poll(12, "tcp:3")
	if backlog > 0 {
		socket("tcp:4", "ESTAB", "127.0.0.1:901", "127.0.0.1:80", "tcp:1", 13)
		socket("tcp:5", "ESTAB", "127.0.0.1:902", "127.0.0.1:80", "tcp:1", 14)
		poll(13, "tcp:4")
		poll(14, "tcp:5")
	}
	s.Waits = append(s.Waits, model.Wait{
		PID: 10, TID: 10, Call: "wait4", Needs: model.NeedsChild, Timed: model.Some(false), Confirmed: true, BlockedFor: model.Some(int64(time.Minute)),
	})
	if worker == "S" {
		poll(11, "tcp:1", "tcp:2")
	}
	s.Processes[1].State, s.Processes[1].PPID = worker, 10
	diagnose.Run(s, diagnose.Options{MinAge: time.Second})
	return s
}

// TestWhyOfAPort: a process that waits at the client's end of a connection to a listener is
// not idle like a server that waits for the next connection.
func TestWhyOfAPort(t *testing.T) {
	for _, c := range []struct {
		what, worker string
		backlog      int64
		ref          string
		want, lacks  []string
	}{
		{
			"a stopped worker and two in the backlog", "T", 2, ":80",
			[]string{
				"2 connections wait to be accepted at tcp:1 (127.0.0.1:80): of late(13), later(14).",
				"could accept them: worker(11) is stopped; server(10) waits for a child",
				"1 thread waits at tcp:1 (127.0.0.1:80) for worker(11), which is stopped: client(12).",
			},
			[]string{"idle"},
		},
		{
			"a connection of a stopped worker", "T", 0, "tcp:3",
			[]string{"1 thread waits at tcp:3 (127.0.0.1:900) for worker(11), which is stopped: client(12)."},
			[]string{"idle", "accepted"},
		},
		{
			"one whose connection waits", "T", 2, "13",
			[]string{"late(13) polls 2 descriptors, for 5s; its connection waits to be accepted.", "worker(11) is stopped"},
			[]string{"idle"},
		},
		{
			"a worker that polls", "S", 0, ":80",
			[]string{
				"1 thread waits at the other ends of connections to tcp:1 (127.0.0.1:80): client(12). This is how programs wait for work, but also for each other.",
				"1 thread waits for work at tcp:1 (127.0.0.1:80), as idle programs do.",
			},
			[]string{"accepted", "stopped"},
		},
	} {
		s := portSnapshot(c.worker, c.backlog)
		text := strings.Join(strings.Fields(whyText80(t, s, Options{Width: Unwrapped}, c.ref)), " ")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", c.what, want, text)
			}
		}
		for _, lacks := range c.lacks {
			if strings.Contains(text, lacks) {
				t.Errorf("%s: %q in\n%s", c.what, lacks, text)
			}
		}
	}
	// Only one process has the listener.
	s := portSnapshot("T", 2)
	for _, o := range s.Objects {
		if o.ID == "tcp:1" {
			o.Holders = o.Holders[1:]
		}
	}
	if text, want := whyText80(t, s, Options{Width: Unwrapped}, ":80"), "the only process that could accept them, worker(11), is stopped"; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}

// TestWhyOfAServerOfOneClientAtATime: why for a client whose connection waits continues with what the
// only server waits for; why for the port says it only once.
func TestWhyOfAServerOfOneClientAtATime(t *testing.T) {
	s := portSnapshot("S", 2)
	for _, o := range s.Objects {
		if o.ID == "tcp:1" {
			o.Holders = o.Holders[1:]
		}
	}
	for i := range s.Waits {
		switch w := &s.Waits[i]; w.PID {
		case 11:
			w.Call, w.Needs, w.Object, w.Objects, w.Idle, w.Timed = "recvfrom", model.NeedsData, "tcp:2", nil, false, model.Some(false)
		case 12:
			w.Call, w.Needs, w.Objects, w.Timeout = "clock_nanosleep", model.NeedsTime, nil, model.Some(int64(35*time.Second))
		}
	}
	chain := []string{
		"the only process that could accept them, worker(11), reads from 127.0.0.1:80",
		"→ client(12) holds the other end",
		"client(12) sleeps 30s more",
	}
	for _, ref := range []string{"13", ":80"} {
		text := whyText80(t, s, Options{Width: Unwrapped}, ref)
		for _, want := range chain {
			if strings.Count(text, want) != 1 {
				t.Errorf("%s: not once %q in\n%s", ref, want, text)
			}
		}
		if strings.Contains(text, "see above") || strings.Contains(text, "thread waits for") {
			t.Errorf("%s: what was said is said again:\n%s", ref, text)
		}
	}
}
