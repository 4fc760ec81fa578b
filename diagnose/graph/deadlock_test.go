package graph

import (
	"slices"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// circle returns two processes, 10 and 20, that wait for each other's file locks, and 30,
// which waits for 10.
func circle() *model.Snapshot {
	s := &model.Snapshot{Scan: model.Scan{Duration: int64(time.Second)}}
	for _, pid := range []int{10, 20, 30} {
		s.Processes = append(s.Processes, &model.Process{
			PID: pid, PPID: 1, Comm: "p", State: "S", Threads: 1, Signals: &model.Signals{Caught: []string{}},
			ThreadList: []model.Thread{{TID: pid, Comm: "p", State: "S"}},
		})
	}
	for i, owner := range []int{10, 20} {
		s.Objects = append(s.Objects, &model.Object{
			ID: []string{"file:a", "file:b"}[i], Kind: model.File, HoldersComplete: true,
			Detail: &model.FileDetail{Locks: []model.Lock{{Type: "flock", Mode: "WRITE", Holders: []int{owner}}}},
		})
	}
	for _, w := range []struct {
		pid  int
		file string
	}{{10, "file:b"}, {20, "file:a"}, {30, "file:a"}} {
		s.Waits = append(s.Waits, model.Wait{
			PID: w.pid, TID: w.pid, Comm: "p", Call: "flock", Needs: model.NeedsLock, Object: w.file, Confirmed: true, Timed: model.Some(false),
			BlockedFor: model.Some(int64(time.Minute)), Target: &model.Target{LockType: "flock", Mode: "WRITE", Range: "0-EOF", FD: model.Some(4)},
		})
	}
	return s
}

func TestDeadlockTiers(t *testing.T) {
	thread := func(s *model.Snapshot, pid, tid int, w *model.Wait) {
		for i := range s.Processes {
			if p := s.Processes[i]; p.PID == pid {
				p.ThreadList = append(p.ThreadList, model.Thread{TID: tid, Comm: "t", State: "S"})
				p.Threads++
			}
		}
		if w != nil {
			w.PID, w.TID, w.Confirmed, w.BlockedFor = pid, tid, true, model.Some(int64(time.Minute))
			s.Waits = append(s.Waits, *w)
		}
	}
	for _, tt := range []struct {
		name    string
		change  func(*model.Snapshot)
		want    model.Confidence // "": no deadlock
		victims int
	}{
		{"as it is", func(*model.Snapshot) {}, model.Certain, 1},
		{"not confirmed", func(s *model.Snapshot) { s.Waits[0].Confirmed = false }, "", 0},
		{"frozen", func(s *model.Snapshot) { s.Processes[0].Frozen = true }, "", 0},
		{"dumping core", func(s *model.Snapshot) { s.Processes[1].CoreDump = true }, "", 0},
		{"stopped", func(s *model.Snapshot) { s.Processes[1].ThreadList[0].State = "T" }, "", 0},
		{"traced", func(s *model.Snapshot) { s.Processes[1].ThreadList[0].State = "t" }, "", 0},
		{"younger than the scan", func(s *model.Snapshot) { s.Waits[1].BlockedFor = model.Some(int64(time.Millisecond)) }, model.Likely, 1},
		{"of unknown age", func(s *model.Snapshot) { s.Waits[1].BlockedFor = model.Opt[int64]{} }, model.Likely, 1},
		{"a thread that runs", func(s *model.Snapshot) { thread(s, 10, 11, nil) }, "", 0},
		{"a thread that cannot be read", func(s *model.Snapshot) {
			thread(s, 10, 11, nil)
			s.Gaps = []model.Gap{{Probe: "waits", PID: 10, TID: 11, Reason: model.Denied}}
		}, model.Likely, 1},
		{"a thread that is not listed", func(s *model.Snapshot) { s.Processes[0].Threads = 2 }, model.Likely, 1},
		{"a thread that has ended", func(s *model.Snapshot) {
			thread(s, 10, 11, nil)
			s.Processes[0].ThreadList[1].State = "Z"
		}, model.Certain, 1},
		{"a thread that sleeps", func(s *model.Snapshot) {
			thread(s, 10, 11, &model.Wait{Call: "nanosleep", Needs: model.NeedsTime, Timed: model.Some(true)})
		}, "", 0},
		{"a thread that waits for a connection", func(s *model.Snapshot) {
			thread(s, 10, 11, &model.Wait{Call: "accept4", Needs: model.NeedsPeer, Timed: model.Some(false)})
		}, "", 0},
		{"missing holders", func(s *model.Snapshot) { s.Objects[0].HoldersComplete = false }, model.Possible, 1},
		{"holders in unreadable processes", func(s *model.Snapshot) {
			s.Objects[0].HoldersComplete, s.Scan.ProcessesUnreadable = false, 1
		}, model.Likely, 1},
		{"a victim that is released", func(s *model.Snapshot) { s.Waits[2].Confirmed = false }, model.Certain, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := circle()
			tt.change(s)
			list := New(model.NewIndex(s)).Deadlocks()
			if tt.want == "" {
				if len(list) > 0 {
					t.Errorf("found %+v", list)
				}
				return
			}
			if len(list) != 1 {
				t.Fatalf("found %+v", list)
			}
			d := list[0]
			if d.Confidence != tt.want || len(d.Victims) != tt.victims || (d.Confidence == model.Certain) != (len(d.LoweredBy) == 0) {
				t.Errorf("%s, %d victims, lowered by %v", d.Confidence, len(d.Victims), d.LoweredBy)
			}
			for _, pid := range []int{10, 20} {
				if !slices.Contains(d.Members, pid) {
					t.Errorf("%d is no member of %v", pid, d.Members)
				}
			}
			if slices.Contains(d.Members, 30) {
				t.Errorf("30, a victim, is a member of %v", d.Members)
			}
		})
	}
}

// TestForkingSibling: a process waits for any child, and its child waits for the process's
// mutex. Another thread may start a child that ends, unless that thread is stuck, too.
func TestForkingSibling(t *testing.T) {
	for _, tt := range []struct {
		name  string
		free  bool
		child int
		want  bool
	}{{"single thread", false, -1, true}, {"another thread", true, -1, false}, {"another thread, but one child alone will do", true, 20, true}} {
		s := circle()
		s.Processes, s.Waits = s.Processes[:2], s.Waits[:2]
		s.Processes[1].PPID = 10
		s.Objects = []*model.Object{{ // a mutex that the waiting thread holds
			ID: "file:a", Kind: model.Futex, Detail: &model.FutexDetail{Type: "mutex", OwnerTID: model.Some(10), OwnerAlive: model.Some(true)},
		}}
		s.Waits[1].Call = "futex"
		w := &s.Waits[0]
		w.Call, w.Needs, w.Object, w.Target = "wait4", model.NeedsChild, "", &model.Target{Child: model.Some(tt.child)}
		if tt.free {
			s.Processes[0].Threads = 2
			s.Processes[0].ThreadList = append(s.Processes[0].ThreadList, model.Thread{TID: 11, State: "R"})
		}
		g := New(model.NewIndex(s))
		if got := g.Stuck(w, Proven) != nil; got != tt.want {
			t.Errorf("%s: stuck %v", tt.name, got)
		}
	}
}

// TestIdleCircles has threads that wait for each other and are only idle.
func TestIdleCircles(t *testing.T) {
	hold := func(pid, fd int32, a model.Access) model.Holder {
		return model.Holder{PID: pid, Via: model.ViaFD, FD: model.Some(fd), Access: a}
	}
	for _, tt := range []struct {
		name   string
		calls  [2]string
		needs  string
		shared bool // both have both ends of one pipe
		sleeps bool // one has a thread that sleeps
		want   model.Confidence
	}{
		{"both poll", [2]string{"ppoll", "ppoll"}, model.NeedsEvent, false, false, ""},
		{"both read", [2]string{"read", "read"}, model.NeedsData, false, false, model.Certain},
		{"one pipe", [2]string{"read", "read"}, model.NeedsData, true, false, ""},
		{"both read, and a timer may send", [2]string{"read", "read"}, model.NeedsData, false, true, ""},
	} {
		s := circle()
		s.Processes = s.Processes[:2]
		a := &model.Object{ID: "pipe:1", Kind: model.Pipe, HoldersComplete: true, Detail: new(model.PipeDetail)}
		b := &model.Object{ID: "pipe:2", Kind: model.Pipe, HoldersComplete: true, Detail: new(model.PipeDetail)}
		a.Holders = []model.Holder{hold(10, 3, model.Read), hold(20, 4, model.Write)}
		b.Holders = []model.Holder{hold(20, 3, model.Read), hold(10, 4, model.Write)}
		if tt.shared {
			a.Holders = append(a.Holders, hold(20, 3, model.Read), hold(10, 4, model.Write))
		}
		s.Objects, s.Waits = []*model.Object{a, b}, s.Waits[:2]
		for i := range s.Waits {
			w := &s.Waits[i]
			w.Call, w.Needs, w.Target, w.Object, w.Objects = tt.calls[i], tt.needs, nil, s.Objects[i].ID, nil
			if tt.shared {
				w.Object = "pipe:1"
			}
			if tt.needs == model.NeedsEvent {
				w.Object, w.Objects, w.Idle = "", []string{w.Object}, true
			}
		}
		if tt.sleeps {
			s.Processes[0].ThreadList = append(s.Processes[0].ThreadList, model.Thread{TID: 11, State: "S"})
			s.Processes[0].Threads = 2
			s.Waits = append(s.Waits, model.Wait{PID: 10, TID: 11, Call: "nanosleep", Needs: model.NeedsTime, Timed: model.Some(true), Confirmed: true})
		}
		list := New(model.NewIndex(s)).Deadlocks()
		var got model.Confidence
		if len(list) > 0 {
			got = list[0].Confidence
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q: %+v", tt.name, got, tt.want, list)
		}
	}
}
