package graph

import (
	"slices"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// machine returns processes 10 and 20 with one thread each, and 30 with the threads 30 and 31.
func machine() *model.Snapshot {
	process := func(pid int) *model.Process {
		return &model.Process{PID: pid, PPID: 1, PGID: pid, Comm: "p", State: "S", Threads: 1, Signals: &model.Signals{Caught: []string{}}}
	}
	three := process(30)
	three.Threads, three.ThreadList = 2, []model.Thread{{TID: 30, State: "S"}, {TID: 31, State: "S"}}
	child := process(11)
	child.PPID = 10
	hold := func(pid, fd int32, a model.Access, flags ...string) model.Holder {
		h := model.Holder{PID: pid, Via: model.ViaFD, FD: model.Some(fd), Access: a}
		if flags != nil {
			h.Extent = &model.Extent{Flags: flags}
		}
		return h
	}
	lock := func(pid, fd int32, mode string) model.Holder {
		return model.Holder{PID: pid, Via: model.ViaLock, FD: model.Some(fd), LockHold: &model.LockHold{LockMode: mode, Range: "0-EOF"}}
	}
	object := func(id string, kind model.Kind, d model.Detail, holders ...model.Holder) *model.Object {
		return &model.Object{ID: id, Kind: kind, Detail: d, Holders: holders, HoldersComplete: true}
	}
	ends := []model.Holder{hold(10, 3, model.Read), hold(20, 4, model.Write), hold(30, 4, model.Write)}
	s := &model.Snapshot{
		Processes: []*model.Process{process(10), child, process(20), three},
		Objects: []*model.Object{
			object("pipe:1", model.Pipe, new(model.PipeDetail), ends...),
			object("fifo:1", model.FIFO, new(model.PipeDetail), ends...),
			object("eventfd:1", model.Eventfd, new(model.EventfdDetail), hold(10, 3, ""), hold(20, 3, "")),
			object("pty:1", model.Pty, new(model.PtyDetail), hold(10, 3, "rw", "slave"), hold(20, 3, "rw", "slave"), hold(30, 3, "rw", "master")),
			object("unix:1", model.Unix, &model.UnixDetail{Type: "stream", State: "established"}, hold(10, 3, "rw")),
			object("unix:2", model.Unix, &model.UnixDetail{Type: "stream", State: "established"}, hold(20, 3, "rw")),
			object("unix:3", model.Unix, &model.UnixDetail{Type: "dgram", Path: "/x"}, hold(10, 3, "rw")),
			object("unix:4", model.Unix, &model.UnixDetail{Type: "stream", State: "listen", Path: "/l"}, hold(20, 3, "rw")),
			object("tcp:1", model.TCP, &model.InetDetail{Remote: "192.0.2.1:1"}, hold(10, 3, "rw")),
			object("posix-mq:1", model.PosixMq, new(model.PosixMqDetail), hold(10, 3, "rw"), hold(20, 3, "rw")),
			object("pidfd:31", model.Pidfd, &model.PidfdDetail{PID: model.Some(30), TID: model.Some(31)}, hold(10, 3, "rw")),
			object("pidfd:20", model.Pidfd, &model.PidfdDetail{PID: model.Some(20)}, hold(10, 3, "rw")),
			object("epoll:10.5", model.Epoll, &model.EpollDetail{Watches: []model.EpollWatch{{Object: "pipe:1"}, {Object: "unix:1"}}}, hold(10, 5, "")),
			object("epoll:10.6", model.Epoll, &model.EpollDetail{Watches: []model.EpollWatch{{Object: "pipe:1"}, {}}}, hold(10, 6, "")),
			object("futex:m", model.Futex, &model.FutexDetail{Object: "shm", Type: "mutex", OwnerTID: model.Some(31), OwnerAlive: model.Some(true)}),
			object("futex:gone", model.Futex, &model.FutexDetail{Object: "shm", Type: "mutex", OwnerTID: model.Some(9), OwnerAlive: model.Some(false)}),
			object("futex:sem", model.Futex, &model.FutexDetail{Object: "shm", Type: "sem", Offset: model.Some(int64(8))}),
			object("futex:30:x", model.Futex, &model.FutexDetail{Type: "cond"}),
			object("futex:10:x", model.Futex, &model.FutexDetail{Type: "unknown", Processes: []int{10, 20}}),
			object("futex:10:y", model.Futex, &model.FutexDetail{Type: "mutex", OwnerTID: model.Some(10), OwnerPID: model.Some(10), Processes: []int{10, 20}}),
			object("shm", model.PosixShm, new(model.MemoryDetail), model.Holder{PID: 10, Via: model.ViaMap}, model.Holder{PID: 30, Via: model.ViaMap}),
			object("sysv-sem:1", model.SysvSem, &model.SysvSemDetail{Sems: []model.Sem{
				{Value: model.Some(0), LastPID: model.Some(20)}, {Value: model.Some(1), LastPID: model.Some(30)},
			}}),
			object("file:1", model.File, &model.FileDetail{Locks: []model.Lock{
				{Type: "flock", Mode: "READ", PID: model.Some(10), Holders: []int{10}},
				{Type: "flock", Mode: "READ", PID: model.Some(20), Holders: []int{20, 30}},
			}}, lock(10, 3, "READ"), lock(20, 3, "READ"), lock(30, 3, "READ")),
			object("file:2", model.File, &model.FileDetail{Locks: []model.Lock{
				{Type: "posix", Mode: "WRITE", Start: 0, End: model.Some(int64(9)), PID: model.Some(10), Holders: []int{10}},
				{Type: "posix", Mode: "WRITE", Start: 10, End: model.Some(int64(19)), PID: model.Some(20), Holders: []int{20}},
				{Type: "ofd", Mode: "WRITE", Start: 30, Holders: []int{10}},
				{Type: "posix", Mode: "WRITE", Start: 15, Blocked: true, PID: model.Some(30)},
			}}),
		},
	}
	s.Objects[4].Peers = []model.Peer{{ID: "unix:2", Confidence: model.Certain}}
	s.Objects[7].Namespace = &model.Namespace{Type: "net", Inode: 5}
	s.Processes[0].Namespaces = map[string]uint64{"net": 5}
	return s
}

func TestClauses(t *testing.T) {
	on := func(call, needs, object string) model.Wait {
		return model.Wait{Call: call, Needs: needs, Object: object, Timed: model.Some(false), Target: &model.Target{FD: model.Some(3)}}
	}
	lock := func(object, kind, mode, span string) model.Wait {
		w := on("fcntl", model.NeedsLock, object)
		w.Target.LockType, w.Target.Mode, w.Target.Range = kind, mode, span
		return w
	}
	asked := func(by string, servers []int, objects ...string) model.Wait {
		w := model.Wait{Call: "openat", Needs: model.NeedsAnswer, Timed: model.Some(false), Target: &model.Target{Asked: by, Servers: servers}}
		if w.Objects = objects; len(objects) == 1 {
			w.Object = objects[0]
		}
		return w
	}
	child := func(pid int) model.Wait {
		w := on("wait4", model.NeedsChild, "")
		w.Target.Child = model.Some(pid)
		return w
	}
	semop := func(ops ...string) model.Wait {
		w := on("semop", model.NeedsLock, "sysv-sem:1")
		w.Target.Operations = ops
		return w
	}
	sems := func(s *model.Snapshot) *model.SysvSemDetail {
		i := slices.IndexFunc(s.Objects, func(o *model.Object) bool { return o.ID == "sysv-sem:1" })
		return s.Objects[i].Detail.(*model.SysvSemDetail)
	}
	lastBy := func(pid int) func(*model.Snapshot) {
		return func(s *model.Snapshot) { sems(s).Sems[0].LastPID = model.Some(pid) }
	}
	taken := func(values ...int) func(*model.Snapshot) {
		return func(s *model.Snapshot) {
			for i, v := range values {
				sems(s).Sems[i].Value = model.Some(v)
			}
		}
	}
	ring := func(pid int, runtime string) func(*model.Snapshot) {
		return func(s *model.Snapshot) {
			s.Objects = append(s.Objects, &model.Object{
				ID: "io_uring:1", Kind: model.IOUring, Detail: new(model.IOUringDetail), Holders: []model.Holder{{PID: int32(pid), Via: model.ViaFD}},
			})
			for _, p := range s.Processes {
				if p.PID == pid {
					p.Runtime = runtime
				}
			}
		}
	}
	with := func(w model.Wait, change func(*model.Wait)) model.Wait { change(&w); return w }
	toFile := func(ino model.Big) func(*model.Wait) {
		return func(w *model.Wait) { w.Target.Path, w.Target.PathDev, w.Target.PathIno = "/l", "8:1", ino }
	}
	second := func(s *model.Snapshot) {
		first := s.Objects[7]
		*first.Detail.(*model.UnixDetail) = model.UnixDetail{Type: "stream", State: "listen", Path: "/l", PathDev: "8:1", PathIno: 1}
		s.Objects = append(s.Objects, &model.Object{
			ID: "unix:9", Kind: model.Unix, HoldersComplete: true, Namespace: first.Namespace, Holders: []model.Holder{{PID: 30, Via: model.ViaFD, Access: model.ReadWrite}},
			Detail: &model.UnixDetail{Type: "stream", State: "listen", Path: "/l", PathDev: "8:1", PathIno: 2},
		})
	}
	for _, tt := range []struct {
		name   string
		wait   model.Wait // of 10
		change func(*model.Snapshot)
		want   [][]int // tids, by clause
		doubt  Level   // the least of the clauses'
	}{
		{"pipe", on("read", model.NeedsData, "pipe:1"), nil, [][]int{{20, 30, 31}}, Proven},
		{"pipe, writing", on("write", model.NeedsSpace, "pipe:1"), nil, [][]int{{}}, Proven},
		{"pipe, hidden holders", on("read", model.NeedsData, "pipe:1"), func(s *model.Snapshot) { s.Objects[0].HoldersComplete = false }, [][]int{{20, 30, 31}}, Incomplete},
		{"pipe, in flight", on("read", model.NeedsData, "pipe:1"), func(s *model.Snapshot) {
			s.Objects[0].Holders = append(s.Objects[0].Holders, model.Holder{Via: model.ViaInFlight})
		}, [][]int{{20, 30, 31}}, Incomplete},
		{"pipe, nobody to be seen", on("read", model.NeedsData, "pipe:1"), func(s *model.Snapshot) {
			s.Objects[0].HoldersComplete, s.Objects[0].Holders = false, s.Objects[0].Holders[:1]
		}, [][]int{{}}, External},
		{"terminal whose master is not shown", on("read", model.NeedsData, "pty:1"), func(s *model.Snapshot) {
			s.Objects[3].HoldersComplete, s.Objects[3].Holders = false, s.Objects[3].Holders[:2]
		}, [][]int{{}}, External},
		{"time limit", with(on("read", model.NeedsData, "pipe:1"), func(w *model.Wait) { w.Timed = model.Some(true) }), nil, [][]int{{20, 30, 31}}, External},
		{"time limit unknown", with(on("read", model.NeedsData, "pipe:1"), func(w *model.Wait) { w.Timed = model.Opt[bool]{} }), nil, [][]int{{20, 30, 31}}, Unlikely},
		{"timer", on("read", model.NeedsData, "pipe:1"), func(s *model.Snapshot) { s.Processes[0].Timers = model.Some(1) }, [][]int{{20, 30, 31}}, External},
		{"alarm", on("read", model.NeedsData, "pipe:1"), func(s *model.Snapshot) { s.Processes[0].Signals.Caught = []string{"SIGALRM"} }, [][]int{{20, 30, 31}}, Unlikely},
		{"FIFO, reading", on("read", model.NeedsData, "fifo:1"), nil, [][]int{{20, 30, 31}}, External},
		{"FIFO, deleted", on("read", model.NeedsData, "fifo:1"), func(s *model.Snapshot) { s.Objects[1].Deleted = true }, [][]int{{20, 30, 31}}, Proven},
		{"eventfd", on("read", model.NeedsEvent, "eventfd:1"), nil, [][]int{{20}}, Proven},
		{"eventfd, the kernel may add", with(on("read", model.NeedsEvent, "eventfd:1"), func(w *model.Wait) { w.Kernel = "AIO" }), nil, [][]int{{20}}, External},
		{"pipe, io_uring of the reader", on("read", model.NeedsData, "pipe:1"), ring(10, ""), [][]int{{20, 30, 31}}, Incomplete},
		{"pipe, io_uring of a writer", on("read", model.NeedsData, "pipe:1"), ring(30, ""), [][]int{{20, 30, 31}}, Incomplete},
		{"pipe, io_uring of another", on("read", model.NeedsData, "pipe:1"), ring(11, ""), [][]int{{20, 30, 31}}, Proven},
		{"pipe, io_uring of a runtime", on("read", model.NeedsData, "pipe:1"), ring(30, model.RuntimeNode), [][]int{{20, 30, 31}}, Proven},
		{"mutex, io_uring of the owner", on("futex", model.NeedsLock, "futex:m"), ring(30, ""), [][]int{{31}}, Proven},
		{"terminal", on("read", model.NeedsData, "pty:1"), nil, [][]int{{30, 31}}, Proven},
		{"socket", on("recvfrom", model.NeedsData, "unix:1"), nil, [][]int{{20}}, Proven},
		{"bound datagram socket", on("recvfrom", model.NeedsData, "unix:3"), nil, [][]int{{}}, External},
		{"another host", on("recvfrom", model.NeedsData, "tcp:1"), nil, [][]int{{}}, External},
		{"accept", on("accept4", model.NeedsPeer, "unix:4"), nil, [][]int{{}}, External},
		{"connect", with(on("connect", model.NeedsPeer, ""), func(w *model.Wait) { w.Target.Path = "/l" }), nil, [][]int{{20}}, Proven},
		{"connect to one of two of a name", with(on("connect", model.NeedsPeer, ""), toFile(2)), second, [][]int{{30, 31}}, Proven},
		{"connect to the only one of a name", with(on("connect", model.NeedsPeer, ""), toFile(1)), nil, [][]int{{20}}, Proven},
		{"connect to another file", with(on("connect", model.NeedsPeer, ""), toFile(3)), second, [][]int{{}}, External},
		{"connect to any of a name", with(on("connect", model.NeedsPeer, ""), func(w *model.Wait) { w.Target.Path = "/l" }), second, [][]int{{}}, External},
		{"connect to nobody", with(on("connect", model.NeedsPeer, ""), func(w *model.Wait) { w.Target.Path = "/y" }), nil, [][]int{{}}, External},
		{"queue with a name", on("mq_timedreceive", model.NeedsMessage, "posix-mq:1"), nil, [][]int{{20}}, External},
		{"poll", with(on("ppoll", model.NeedsEvent, ""), func(w *model.Wait) { w.Objects = []string{"pipe:1", "unix:1"} }), nil, [][]int{{20, 30, 31}}, Proven},
		{"poll of more", with(on("ppoll", model.NeedsEvent, ""), func(w *model.Wait) { w.Objects, w.Partial = []string{"unix:1"}, true }), nil, [][]int{{20}}, External},
		{"epoll", on("epoll_wait", model.NeedsEvent, "epoll:10.5"), nil, [][]int{{20, 30, 31}}, Proven},
		{"epoll of other things", on("epoll_wait", model.NeedsEvent, "epoll:10.6"), nil, [][]int{{}}, External},
		{"mutex", on("futex", model.NeedsLock, "futex:m"), nil, [][]int{{31}}, Proven},
		{"word of a memory that processes share", on("futex", model.NeedsLock, "futex:10:x"), nil, [][]int{{20}}, Proven},
		{"lock of a memory that processes share", on("futex", model.NeedsLock, "futex:10:y"), nil, [][]int{{20}}, Proven},
		{"mutex of a thread that has ended", on("futex", model.NeedsLock, "futex:gone"), nil, [][]int{{}}, Proven},
		{"semaphore", on("futex", model.NeedsLock, "futex:sem"), nil, [][]int{{30, 31}}, Proven},
		{"semop", semop("0:-1 SEM_UNDO", "1:-1"), nil, [][]int{{20}}, Unlikely},
		{"semop, two in the way", semop("0:-1", "1:-2"), taken(0, 0), [][]int{{20}, {30, 31}}, Unlikely},
		{"semop, some of it left", semop("1:-2"), nil, [][]int{{}}, External},
		{"semop, took the last itself", semop("0:-1"), lastBy(10), [][]int{{}}, External},
		{"semop, locked it itself", semop("0:-1 SEM_UNDO"), lastBy(10), [][]int{{}}, Unlikely},
		{"semop, another that waits took the last", semop("0:-1"), func(s *model.Snapshot) {
			w := semop("1:+1", "0:-1")
			w.PID, w.TID = 20, 20
			s.Waits = append(s.Waits, w)
		}, [][]int{{}}, External},
		{"semop, another waits that it is zero", semop("0:-1"), func(s *model.Snapshot) {
			w := semop("0:0")
			w.PID, w.TID = 20, 20
			s.Waits = append(s.Waits, w)
		}, [][]int{{20}}, Unlikely},
		{"semop, taken by one that has ended", semop("0:-1"), lastBy(99), [][]int{{}}, Unlikely},
		{"semop, set by one that has ended", semop("0:-1"), func(s *model.Snapshot) {
			lastBy(99)(s)
			sems(s).OpTime, sems(s).ChangeTime = time.Unix(100, 0), time.Unix(101, 0)
		}, [][]int{{}}, External},
		{"semop for zero", semop("1:0"), nil, [][]int{{}}, External},
		{"flock, upgrade of the own lock", lock("file:1", "flock", "WRITE", "0-EOF"), nil, [][]int{{20, 30, 31}}, Proven},
		{"flock, shared", lock("file:1", "flock", "READ", "0-EOF"), nil, [][]int{{}}, External},
		{"POSIX, own locks", lock("file:2", "posix", "WRITE", "5-12"), nil, [][]int{{20}}, Proven},
		{"POSIX, own OFD lock", lock("file:2", "posix", "WRITE", "30-31"), nil, [][]int{{}}, Proven},
		{"OFD and POSIX", lock("file:2", "ofd", "READ", "0-EOF"), nil, [][]int{{}, {20}, {}}, Proven},
		{"any child", child(-1), nil, [][]int{{11}}, Proven},
		{"a child", child(11), nil, [][]int{{11}}, Proven},
		{"no child", child(99), nil, [][]int{{}}, External},
		{"traced process", child(20), func(s *model.Snapshot) { s.Processes[2].Tracer = 10 }, [][]int{{20}}, Proven},
		{"pidfd", on("waitid", model.NeedsChild, "pidfd:20"), nil, [][]int{{20}}, Proven},
		{"pidfd of a thread", on("waitid", model.NeedsChild, "pidfd:31"), nil, [][]int{{31}}, Proven},
		{"signal", on("rt_sigtimedwait", model.NeedsSignal, ""), nil, [][]int{{}}, External},
		{"sleep", on("nanosleep", model.NeedsTime, ""), nil, [][]int{{}}, External},
		{"FIFO being opened", on("openat", model.NeedsPeer, ""), nil, [][]int{{}}, External},
		{"io_uring", on("io_uring_enter", model.NeedsEvent, ""), nil, [][]int{{}}, External},
		{"asked, of one", asked(model.AskedFanotify, []int{20}, "fanotify:20.3"), nil, [][]int{{20}}, Proven},
		{"asked, of one of several", asked(model.AskedFanotify, []int{20, 30}, "fanotify:20.3", "fanotify:30.3"), nil, [][]int{{20, 30, 31}}, Unlikely},
		{"asked about a call", asked(model.AskedSeccomp, []int{20}), nil, [][]int{{20}}, Unlikely},
		{"asked, of nobody visible", asked(model.AskedSeccomp, nil), nil, [][]int{{}}, External},
		{"lost object", on("read", model.NeedsData, "pipe:99"), nil, [][]int{{}}, External},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := machine()
			if tt.change != nil {
				tt.change(s)
			}
			tt.wait.PID, tt.wait.TID, tt.wait.Confirmed, tt.wait.BlockedFor = 10, 10, true, model.Some(int64(1))
			s.Waits = append([]model.Wait{tt.wait}, s.Waits...)
			g := New(model.NewIndex(s))
			least := External
			var got [][]int
			for _, c := range g.Clauses(&s.Waits[0]) {
				tids := append([]int{}, c.Threads...)
				for _, pid := range c.Processes {
					for _, i := range g.members[pid] {
						if tid := g.nodes[i].tid; tid != 10 {
							tids = append(tids, tid)
						}
					}
				}
				slices.Sort(tids)
				got, least = append(got, tids), min(least, c.Level)
			}
			if !slices.EqualFunc(got, tt.want, func(a, b []int) bool { return slices.Equal(a, b) }) || least != tt.doubt {
				t.Errorf("got %v with doubt %d, want %v with %d", got, least, tt.want, tt.doubt)
			}
		})
	}
}

// TestRangeFromTable: if only the kernel can know the range of a requested lock (SEEK_END), it is
// taken from the kernel's table.
func TestRangeFromTable(t *testing.T) {
	s := machine()
	s.Waits = []model.Wait{{
		PID: 30, TID: 30, Call: "fcntl", Needs: model.NeedsLock, Object: "file:2", Confirmed: true, Timed: model.Some(false),
		Target: &model.Target{LockType: "posix", Mode: "WRITE", FD: model.Some(3)},
	}}
	clauses := New(model.NewIndex(s)).Clauses(&s.Waits[0])
	if len(clauses) != 2 || !slices.Equal(clauses[0].Processes, []int{20}) || !slices.Equal(clauses[1].Processes, []int{10}) {
		t.Errorf("got %+v", clauses)
	}
}

// TestBlockersOfInheritedLock: the process that took a lock is named as the blocker, not the children
// that inherited the open file description. They can release the lock, too, and are its only holders
// once the process has closed its descriptor.
func TestBlockersOfInheritedLock(t *testing.T) {
	for _, tt := range []struct {
		name  string
		maker model.Opt[int]
		want  []int
	}{
		{"its maker has it", model.Some(20), []int{20}},
		{"its maker has closed it", model.Some(10), []int{20, 30}},
		{"its maker has ended", model.Some(99), []int{20, 30}},
		{"its maker is not told", model.Opt[int]{}, []int{20, 30}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := machine()
			s.Objects = []*model.Object{{ID: "file:3", Kind: model.File, HoldersComplete: true, Detail: &model.FileDetail{
				Locks: []model.Lock{{Type: "flock", Mode: "WRITE", PID: tt.maker, Holders: []int{20, 30}}},
			}}}
			s.Waits = []model.Wait{{
				PID: 10, TID: 10, Call: "flock", Needs: model.NeedsLock, Object: "file:3", Confirmed: true, Timed: model.Some(false),
				BlockedFor: model.Some(int64(1)), Target: &model.Target{FD: model.Some(3), LockType: "flock", Mode: "WRITE", Range: "0-EOF"},
			}}
			New(model.NewIndex(s)).Annotate()
			var got []int
			for _, b := range s.Waits[0].Blockers {
				got = append(got, b.PID)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("blockers %v, want %v", got, tt.want)
			}
			if c := s.Waits[0].Clauses; len(c) != 1 || !slices.Equal(c[0], []int{20, 30, 31}) {
				t.Errorf("clauses %v: all that have the description can release it", c)
			}
		})
	}
}

// TestBlockersAreBounded: an object that many processes share does not need memory for each pair of
// them, and blockers that are not listed are still known.
func TestBlockersAreBounded(t *testing.T) {
	const processes = 300
	s := machine()
	pipe := &model.Object{ID: "pipe:1", Kind: model.Pipe, HoldersComplete: true, Detail: &model.PipeDetail{Queued: model.Some(int64(0))}}
	s.Objects, s.Processes, s.Waits = []*model.Object{pipe}, nil, nil
	for i := range processes {
		pid := 1000 + i
		s.Processes = append(s.Processes, &model.Process{PID: pid, Comm: "w", State: "S", Threads: 1, Signals: &model.Signals{}})
		pipe.Holders = append(pipe.Holders, model.Holder{PID: int32(pid), Via: model.ViaFD, FD: model.Some(int32(3)), Access: model.ReadWrite})
		s.Waits = append(s.Waits, model.Wait{
			PID: pid, TID: pid, Call: "read", Needs: model.NeedsData, Object: pipe.ID, Confirmed: true, Timed: model.Some(false),
			BlockedFor: model.Some(int64(1)), Target: &model.Target{FD: model.Some(3)},
		})
	}
	g := New(model.NewIndex(s))
	g.Annotate()
	for i := range s.Waits {
		w := &s.Waits[i]
		if len(w.Blockers) != maxBlockers || !w.MoreBlockers {
			t.Fatalf("%d lists %d of %d, and more: %v", w.PID, len(w.Blockers), processes-1, w.MoreBlockers)
		}
		for pid := 1000; pid < 1000+processes; pid++ {
			if got := g.BlockedBy(w, pid); got != (pid != w.PID) {
				t.Fatalf("%d is blocked by %d: %v", w.PID, pid, got)
			}
		}
	}
	if s.Waits[0].Blockers[0].PID != 1001 {
		t.Errorf("the first one is %+v", s.Waits[0].Blockers[0])
	}
}
