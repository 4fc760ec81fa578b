package graph

import (
	"slices"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestAsksServer: a process that polls a connection waits for an answer if it has opened the
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
		{polls(10, "unix:1"), false}, // a socket pair, which has no client
		{polls(10, "unix:9", "tcp:9"), false},
		{polls(10, "pipe:1"), false},
		{polls(10, "lost:1"), false},
	} {
		if got := g.AsksServer(tt.wait); got != tt.want {
			t.Errorf("%v: %v", tt.wait.Objects, got)
		}
	}
}

// TestToHalted: a reader of a pipe waits for a stopped writer only if all writers are stopped,
// or wait for stopped processes.
func TestToHalted(t *testing.T) {
	stop := func(s *model.Snapshot, pids ...int) {
		for _, p := range s.Processes {
			if slices.Contains(pids, p.PID) {
				p.State = "T"
				for i := range p.ThreadList {
					p.ThreadList[i].State = "T"
				}
			}
		}
	}
	wait := func(pid int, call, needs, object string) model.Wait {
		return model.Wait{
			PID: pid, TID: pid, Call: call, Needs: needs, Object: object, Confirmed: true, Timed: model.Some(false), BlockedFor: model.Some(int64(1)),
		}
	}
	reads := func(pid int) model.Wait { return wait(pid, "read", model.NeedsData, "pipe:1") }
	timed := reads(10)
	timed.Timed = model.Some(true)
	polls := wait(20, "poll", model.NeedsEvent, "")
	polls.Objects = []string{"unix:2"}
	awaits := wait(20, "wait4", model.NeedsChild, "")
	awaits.Target = &model.Target{Child: model.Some(10)}
	for _, tt := range []struct {
		name    string
		stopped []int
		waits   []model.Wait // the first one is asked about
		want    []int        // tids on the way
	}{
		{"nobody", nil, []model.Wait{reads(10)}, nil},
		{"one of two writers", []int{20}, []model.Wait{reads(10)}, nil},
		{"both writers", []int{20, 30}, []model.Wait{reads(10)}, []int{10, 20}},
		{"both writers, with a time limit", []int{20, 30}, []model.Wait{timed}, []int{10, 20}},
		{"one, for whom the other waits", []int{30}, []model.Wait{reads(10), reads(20)}, []int{10, 30}},
		{"the owner of a mutex", []int{30}, []model.Wait{wait(10, "futex", model.NeedsLock, "futex:m")}, []int{10, 31}},
		{"the only other end, through one that polls", []int{10}, []model.Wait{wait(30, "futex", model.NeedsLock, "futex:20"), polls}, []int{30, 20, 10}},
		{"a child, through one that waits for it", []int{10}, []model.Wait{wait(30, "futex", model.NeedsLock, "futex:20"), awaits}, []int{30, 20, 10}},
		{"a child of one that runs", []int{10}, []model.Wait{wait(30, "futex", model.NeedsLock, "futex:20")}, nil},
	} {
		s := machine()
		for _, p := range s.Processes {
			if p.PID == 10 {
				p.PPID = 20
			}
		}
		s.Objects = append(s.Objects, &model.Object{
			ID: "futex:20", Kind: model.Futex, Detail: &model.FutexDetail{Object: "shm", Type: "mutex", OwnerTID: model.Some(20), OwnerAlive: model.Some(true)},
		})
		for _, o := range s.Objects {
			if o.ID == "unix:2" {
				o.Peers = []model.Peer{{ID: "unix:1", Confidence: model.Certain}}
			}
		}
		stop(s, tt.stopped...)
		s.Waits = tt.waits
		g := New(model.NewIndex(s))
		var got []int
		if c, ok := g.ToHalted(&s.Waits[0]); ok {
			for _, step := range c.Steps {
				got = append(got, step.Wait.TID)
			}
			got = append(got, c.End.TID)
			if !c.End.Halts() {
				t.Errorf("%s: ends at who %s", tt.name, c.End.Doing)
			}
		}
		if !slices.Equal(got, tt.want) || g.OnlyHalted(&s.Waits[0]) != (tt.want != nil) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestPollsWhoIsHalted: a process that polls with a time limit waits for a stopped process only if
// that has not read data that others have sent only to it.
func TestPollsWhoIsHalted(t *testing.T) {
	hold := func(pid int32, access model.Access) model.Holder {
		return model.Holder{PID: pid, Via: model.ViaFD, FD: model.Some(int32(9)), Access: access}
	}
	inFlight := hold(0, "")
	inFlight.Via = model.ViaInFlight
	for _, tt := range []struct {
		name   string
		change func(unread *model.Object, polls *model.Wait)
		want   bool
	}{
		{"a request that is not read", func(*model.Object, *model.Wait) {}, true},
		{"nothing", func(o *model.Object, _ *model.Wait) { o.Detail = &model.PipeDetail{Queued: model.Some(int64(0))} }, false},
		{"nothing is known", func(o *model.Object, _ *model.Wait) { o.Detail = new(model.PipeDetail) }, false},
		{"another one can read it", func(o *model.Object, _ *model.Wait) { o.Holders = append(o.Holders, hold(30, model.Read)) }, false},
		{"one in flight can", func(o *model.Object, _ *model.Wait) { o.Holders = append(o.Holders, inFlight) }, false},
		{"what it wrote itself", func(o *model.Object, _ *model.Wait) { o.Holders = []model.Holder{hold(10, model.ReadWrite)} }, false},
		{"a socket's", func(o *model.Object, _ *model.Wait) {
			o.Kind, o.Holders, o.Detail = model.TCP, []model.Holder{hold(10, model.ReadWrite)}, &model.InetDetail{RecvQueue: model.Some(int64(1))}
		}, true},
		{"what it wrote itself into a pipe of its own", func(o *model.Object, _ *model.Wait) {
			o.Holders = []model.Holder{hold(10, model.Read), hold(10, model.Write)}
		}, false},
		{"what it wakes itself with", func(o *model.Object, _ *model.Wait) {
			o.Kind, o.Holders, o.Detail = model.Unix, []model.Holder{hold(10, model.ReadWrite)}, &model.UnixDetail{RecvQueue: model.Some(int64(1))}
			o.Peers = []model.Peer{{ID: "unix:1"}} // which 10 has
		}, false},
		{"a pair's", func(o *model.Object, _ *model.Wait) {
			o.Kind, o.Holders, o.Detail = model.Unix, []model.Holder{hold(10, model.ReadWrite)}, &model.UnixDetail{RecvQueue: model.Some(int64(1))}
			o.Peers = []model.Peer{{ID: "unix:2"}} // which 20 has
		}, true},
		{"it polls something else as well", func(_ *model.Object, w *model.Wait) { w.Objects = append(w.Objects, "lost:1") }, false},
		{"not all it polls is known", func(_ *model.Object, w *model.Wait) { w.Partial = true }, false},
	} {
		s := machine()
		for _, p := range s.Processes {
			if p.PID == 10 {
				p.State = "T"
				for i := range p.ThreadList {
					p.ThreadList[i].State = "T"
				}
			}
		}
		for _, o := range s.Objects {
			if o.ID == "unix:2" {
				o.Peers = []model.Peer{{ID: "unix:1", Confidence: model.Certain}}
			}
		}
		s.Objects = append(s.Objects, &model.Object{
			ID: "pipe:9", Kind: model.Pipe, Detail: &model.PipeDetail{Queued: model.Some(int64(1))},
			Holders: []model.Holder{hold(10, model.Read), hold(30, model.Write)},
		})
		s.Waits = []model.Wait{{
			PID: 20, TID: 20, Call: "poll", Needs: model.NeedsEvent, Objects: []string{"unix:2"}, Idle: true, Confirmed: true,
			Timed: model.Some(true), Timeout: model.Some(int64(60e9)), BlockedFor: model.Some(int64(1)),
		}}
		tt.change(s.Objects[len(s.Objects)-1], &s.Waits[0])
		g := New(model.NewIndex(s))
		if got := g.OnlyHalted(&s.Waits[0]); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// TestRingAmongMany: if many processes can write to a pipe and one of them has an io_uring, every
// reader may get data from it.
func TestRingAmongMany(t *testing.T) {
	for _, owner := range []int{0, 115} {
		s := &model.Snapshot{}
		pipe := &model.Object{ID: "pipe:1", Kind: model.Pipe, HoldersComplete: true, Detail: new(model.PipeDetail)}
		for pid := 100; pid < 100+2*manyHolders; pid++ {
			s.Processes = append(s.Processes, &model.Process{PID: pid, PPID: 1, Comm: "p", State: "S", Threads: 1, Signals: &model.Signals{Caught: []string{}}})
			pipe.Holders = append(pipe.Holders, model.Holder{PID: int32(pid), Via: model.ViaFD, FD: model.Some(int32(3)), Access: model.ReadWrite})
			s.Waits = append(s.Waits, model.Wait{
				PID: pid, TID: pid, Call: "read", Needs: model.NeedsData, Object: "pipe:1", Confirmed: true, Timed: model.Some(false), BlockedFor: model.Some(int64(1)),
			})
		}
		ring := &model.Object{ID: "io_uring:1", Kind: model.IOUring, Detail: new(model.IOUringDetail), Holders: []model.Holder{{PID: int32(owner), Via: model.ViaFD}}}
		s.Objects = []*model.Object{pipe, ring}
		want := Proven
		if owner != 0 {
			want = Incomplete
		}
		g := New(model.NewIndex(s))
		for i := range s.Waits {
			if c := g.Clauses(&s.Waits[i]); len(c) != 1 || c[0].Level != want {
				t.Fatalf("with the io_uring of %d, clauses of %d are %+v", owner, s.Waits[i].PID, c)
			}
		}
	}
}
