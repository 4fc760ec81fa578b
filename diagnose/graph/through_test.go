package graph

import (
	"slices"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// throughMachine has a process for each way in which a wait can involve an object.
func throughMachine() *model.Snapshot {
	s := &model.Snapshot{Objects: []*model.Object{
		{ID: "unix:1", Kind: model.Unix, Detail: &model.UnixDetail{Type: "dgram", Path: "/run/log"}},
		{ID: "unix:2", Kind: model.Unix, Detail: &model.UnixDetail{Type: "dgram"}, Peers: []model.Peer{{ID: "unix:1", Confidence: model.Certain}}},
		{ID: "unix:3", Kind: model.Unix, Detail: &model.UnixDetail{Type: "dgram"}},
		{ID: "tcp:1", Kind: model.TCP, Detail: &model.InetDetail{State: "LISTEN", Local: "0.0.0.0:80"}},
		{ID: "tcp:2", Kind: model.TCP, Detail: &model.InetDetail{State: "SYN-SENT", Local: "127.0.0.1:999", Remote: "127.0.0.1:80"}},
		{ID: "tcp:3", Kind: model.TCP, Detail: &model.InetDetail{State: "ESTABLISHED", Local: "127.0.0.1:80", Remote: "127.0.0.1:998"}},
		{
			ID: "tcp:4", Kind: model.TCP, Detail: &model.InetDetail{State: "ESTABLISHED", Local: "127.0.0.1:998", Remote: "127.0.0.1:80"},
			Peers: []model.Peer{{ID: "tcp:3", Confidence: model.Certain}},
		},
		{ID: "tcp:5", Kind: model.TCP, Detail: &model.InetDetail{State: "SYN-SENT", Local: "10.0.0.1:997", Remote: "192.0.2.1:80"}},
		{ID: "unix:4", Kind: model.Unix, Detail: &model.UnixDetail{Type: "stream", State: "listen", Path: "/run/s", Pending: []string{"unix:5"}}},
		{ID: "unix:5", Kind: model.Unix, Detail: &model.UnixDetail{Type: "stream", State: "established"}},
		{ID: "posix-shm:1", Kind: model.PosixShm, Detail: new(model.MemoryDetail)},
		{ID: "futex:posix-shm:1+8", Kind: model.Futex, Detail: &model.FutexDetail{Object: "posix-shm:1"}},
		{ID: "fifo:1", Kind: model.FIFO, Path: "/f", Detail: new(model.PipeDetail)},
	}}
	for pid, w := range []model.Wait{
		1: {Call: "sendto", Needs: model.NeedsSpace, Object: "unix:2"},
		2: {Call: "sendto", Needs: model.NeedsSpace, Object: "unix:3", Target: &model.Target{Path: "/var/run/log"}},
		3: {Call: "connect", Needs: model.NeedsPeer, Object: "tcp:2"},
		4: {Call: "read", Needs: model.NeedsData, Object: "tcp:3"},
		5: {Call: "read", Needs: model.NeedsData, Object: "tcp:4"},
		6: {Call: "connect", Needs: model.NeedsPeer, Object: "tcp:5"},
		7: {Call: "connect", Needs: model.NeedsPeer, Target: &model.Target{Path: "/run/s"}},
		8: {Call: "read", Needs: model.NeedsData, Object: "unix:5"},
		9: {Call: "futex", Needs: model.NeedsLock, Object: "futex:posix-shm:1+8"},
		// A process that waits for something else is not involved.
		10: {Call: "read", Needs: model.NeedsData},
	} {
		if pid > 0 {
			w.PID, w.TID, w.Confirmed = pid, pid, true
			s.Waits = append(s.Waits, w)
			s.Processes = append(s.Processes, &model.Process{PID: pid, Comm: "p", State: "S", Threads: 1})
		}
	}
	return s
}

func TestThrough(t *testing.T) {
	g := New(model.NewIndex(throughMachine()))
	for id, want := range map[string][]int{
		"unix:1": {1, 2}, "tcp:1": {3, 4, 5}, "unix:4": {7, 8}, "posix-shm:1": {9}, "fifo:1": nil, "tcp:4": {4, 5},
	} {
		var got []int
		for _, w := range g.Through(g.Object(id)) {
			got = append(got, w.PID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v wait through it, want %v", id, got, want)
		}
	}
}

// TestAcceptAsksNobodyFar: a listening socket has no other end that could be on another
// machine.
func TestAcceptAsksNobodyFar(t *testing.T) {
	s := &model.Snapshot{
		Processes: []*model.Process{{PID: 1, Comm: "p", State: "S", Threads: 1}},
		Objects:   []*model.Object{{ID: "tcp:1", Kind: model.TCP, Detail: &model.InetDetail{State: "LISTEN", Local: "0.0.0.0:80", Remote: "0.0.0.0:*"}}},
		Waits:     []model.Wait{{PID: 1, TID: 1, Call: "accept4", Needs: model.NeedsPeer, Object: "tcp:1", Confirmed: true}},
	}
	if c := New(model.NewIndex(s)).Chain(&s.Waits[0]); c.End.Kind == Outside {
		t.Errorf("accept ends at another host: %s", c.End.Doing)
	}
}
