package graph

import (
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestAsksServer: who polls a connection waits for an answer if it has asked for the
// connection, and for work if it has accepted it.
func TestAsksServer(t *testing.T) {
	polls := func(pid int, objects ...string) *model.Wait {
		return &model.Wait{PID: pid, TID: pid, Call: "poll", Needs: model.NeedsEvent, Objects: objects, Confirmed: true}
	}
	s := machine()
	s.Objects = append(s.Objects,
		&model.Object{ID: "unix:8", Kind: model.Unix, Detail: &model.UnixDetail{Type: "stream", Path: "/l"}, Peers: []model.Peer{{ID: "unix:9"}}},
		&model.Object{ID: "unix:9", Kind: model.Unix, Detail: &model.UnixDetail{Type: "stream"}, Peers: []model.Peer{{ID: "unix:8"}}},
		&model.Object{ID: "tcp:7", Kind: model.TCP, Detail: &model.InetDetail{State: "LISTEN", Local: "0.0.0.0:80"}},
		&model.Object{ID: "tcp:8", Kind: model.TCP, Detail: &model.InetDetail{State: "ESTABLISHED", Local: "127.0.0.1:80", Remote: "127.0.0.1:4000"}},
		&model.Object{ID: "tcp:9", Kind: model.TCP, Detail: &model.InetDetail{State: "ESTABLISHED", Local: "127.0.0.1:4000", Remote: "127.0.0.1:80"}},
	)
	g := New(model.NewIndex(s))
	for _, tt := range []struct {
		wait *model.Wait
		want bool
	}{
		{polls(10, "unix:9"), true},
		{polls(10, "unix:8"), false},
		{polls(10, "tcp:9"), true},
		{polls(10, "tcp:8"), false},
		{polls(10, "unix:1"), false}, // a pair, which nobody asked for
		{polls(10, "unix:9", "tcp:9"), false},
		{polls(10, "pipe:1"), false},
		{polls(10, "lost:1"), false},
	} {
		if got := g.AsksServer(tt.wait); got != tt.want {
			t.Errorf("%v: %v", tt.wait.Objects, got)
		}
	}
}

// TestOnlyHalted: who reads from a pipe waits for a stopped writer only if all writers are
// stopped, or wait for such.
func TestOnlyHalted(t *testing.T) {
	stop := func(s *model.Snapshot, pids ...int) {
		for _, p := range s.Processes {
			for _, pid := range pids {
				if p.PID == pid {
					p.State = "T"
					for i := range p.ThreadList {
						p.ThreadList[i].State = "T"
					}
				}
			}
		}
	}
	reads := func(pid int, object string, timed bool) model.Wait {
		return model.Wait{
			PID: pid, TID: pid, Call: "read", Needs: model.NeedsData, Object: object, Confirmed: true, Timed: model.Some(timed), BlockedFor: model.Some(int64(1)),
		}
	}
	for _, tt := range []struct {
		name    string
		stopped []int
		timed   bool
		more    []model.Wait
		want    bool
	}{
		{"nobody", nil, false, nil, false},
		{"one of two writers", []int{20}, false, nil, false},
		{"both writers", []int{20, 30}, false, nil, true},
		{"both writers, with a time limit", []int{20, 30}, true, nil, true},
		{"one, for whom the other waits", []int{30}, false, []model.Wait{reads(20, "pipe:1", false)}, true},
	} {
		s := machine()
		stop(s, tt.stopped...)
		s.Waits = append([]model.Wait{reads(10, "pipe:1", tt.timed)}, tt.more...)
		if got := New(model.NewIndex(s)).OnlyHalted(&s.Waits[0]); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
