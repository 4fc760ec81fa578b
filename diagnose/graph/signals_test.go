package graph

import (
	"slices"
	"strconv"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// talk returns two processes, 10 and 20, each of which reads what the other writes.
func talk() *model.Snapshot {
	s := circle()
	s.Processes = s.Processes[:2]
	hold := func(pid, fd int32, a model.Access) model.Holder {
		return model.Holder{PID: pid, Via: model.ViaFD, FD: model.Some(fd), Access: a}
	}
	a := &model.Object{ID: "pipe:1", Kind: model.Pipe, HoldersComplete: true, Detail: new(model.PipeDetail)}
	b := &model.Object{ID: "pipe:2", Kind: model.Pipe, HoldersComplete: true, Detail: new(model.PipeDetail)}
	a.Holders = []model.Holder{hold(10, 3, model.Read), hold(20, 4, model.Write)}
	b.Holders = []model.Holder{hold(20, 3, model.Read), hold(10, 4, model.Write)}
	s.Objects, s.Waits = []*model.Object{a, b}, s.Waits[:2]
	for i := range s.Waits {
		w := &s.Waits[i]
		w.Call, w.Needs, w.Target, w.Object = "read", model.NeedsData, nil, s.Objects[i].ID
	}
	return s
}

// worker adds a thread to process 10 that waits at a semaphore of its own for work.
func worker(s *model.Snapshot) *model.Wait {
	s.Processes[0].ThreadList = append(s.Processes[0].ThreadList, model.Thread{TID: 11, State: "S"})
	s.Processes[0].Threads = 2
	s.Objects = append(s.Objects, &model.Object{ID: "futex:10:8", Kind: model.Futex, HoldersComplete: true, Detail: &model.FutexDetail{Type: "sem"}})
	s.Waits = append(s.Waits, model.Wait{
		PID: 10, TID: 11, Call: "futex", Needs: model.NeedsLock, Object: "futex:10:8", Confirmed: true, Idle: true, Timed: model.Some(false),
		BlockedFor: s.Waits[0].BlockedFor,
	})
	return &s.Waits[len(s.Waits)-1]
}

// semaphores makes waits of a snapshot wait at semaphores in one memory object, each at its own.
func semaphores(s *model.Snapshot, waits ...int) {
	for _, i := range waits {
		id := "futex:shm-anon:1+" + strconv.Itoa(32*i)
		s.Objects = append(s.Objects, &model.Object{ID: id, Kind: model.Futex, HoldersComplete: true, Detail: &model.FutexDetail{
			Type: "sem", Object: "shm-anon:1", Offset: model.Some(int64(32 * i)),
		}})
		w := &s.Waits[i]
		w.Call, w.Needs, w.Object, w.Target = "futex", model.NeedsLock, id, nil
	}
	s.Objects = append(s.Objects, &model.Object{
		ID: "shm-anon:1", Kind: model.ShmAnon, HoldersComplete: true, Detail: new(model.MemoryDetail),
		Holders: []model.Holder{{PID: 10, Via: model.ViaMap}, {PID: 20, Via: model.ViaMap}},
	})
}

// command makes process 20 catch SIGCHLD and wait in a call, and gives it a child 40 whose
// own child waits, with or without a time limit.
func command(s *model.Snapshot, parent int, call string, timed model.Opt[bool]) {
	s.Processes[1].Signals = &model.Signals{Caught: []string{"SIGCHLD"}}
	w := &s.Waits[1]
	w.Call, w.Objects = call, nil
	if call == "poll" {
		w.Needs, w.Objects, w.Object = model.NeedsEvent, []string{w.Object}, ""
	}
	for i, pid := range []int{40, 50} {
		s.Processes = append(s.Processes, &model.Process{PID: pid, PPID: []int{parent, 40}[i], Comm: "p", State: "S", Threads: 1})
		m := *w
		m.PID, m.TID, m.Call, m.Needs, m.Object, m.Objects = pid, pid, "wait4", model.NeedsChild, "", nil
		m.Target = &model.Target{Child: model.Some(50)}
		if pid == 50 {
			m.Call, m.Needs, m.Object, m.Target, m.Timed = "read", model.NeedsData, s.Objects[0].ID, nil, timed
		}
		s.Waits = append(s.Waits, m)
	}
}

// java makes process 10 a Java program with a named thread that waits at a semaphore, and
// makes it catch the signals that such programs catch.
func java(s *model.Snapshot, name string) {
	worker(s)
	p := s.Processes[0]
	p.Runtime, p.ThreadList[1].Comm = model.RuntimeJVM, name
	p.Signals = &model.Signals{Caught: []string{"SIGHUP", "SIGINT", "SIGTERM"}}
	// The main thread waits for the thread that runs the program.
	p.ThreadList = append(p.ThreadList, model.Thread{TID: 12, Comm: "java", State: "S"})
	p.Threads++
	s.Waits = append(s.Waits, s.Waits[0])
	read := &s.Waits[len(s.Waits)-1]
	read.TID = 12
	join := &s.Waits[0]
	join.Call, join.Needs, join.Object = "futex", model.NeedsEvent, "futex:10:24"
	s.Objects = append(s.Objects, &model.Object{ID: "futex:10:24", Kind: model.Futex, HoldersComplete: true, Detail: &model.FutexDetail{
		Type: "join", OwnerTID: model.Some(12), OwnerAlive: model.Some(true),
	}})
}

// TestSignalsMakeIdle has threads that wait for each other, and handlers that may or may
// not release them.
func TestSignalsMakeIdle(t *testing.T) {
	catch := func(s *model.Snapshot, names ...string) { s.Processes[0].Signals = &model.Signals{Caught: names} }
	child := func(s *model.Snapshot) {
		s.Processes[1].PPID = 10
		w := &s.Waits[0]
		w.Call, w.Needs, w.Object, w.Target = "wait4", model.NeedsChild, "", &model.Target{Child: model.Some(20)}
	}
	for _, tt := range []struct {
		name   string
		make   func() *model.Snapshot
		change func(*model.Snapshot)
		want   model.Confidence // "": no deadlock
	}{
		{"both read", talk, func(*model.Snapshot) {}, model.Certain},
		{"and one catches a signal", talk, func(s *model.Snapshot) { catch(s, "SIGUSR1") }, ""},
		{"and one catches faults", talk, func(s *model.Snapshot) { catch(s, "SIGSEGV", "SIGPIPE") }, model.Certain},
		{"and one catches SIGCHLD without a child", talk, func(s *model.Snapshot) { catch(s, "SIGCHLD") }, model.Certain},
		{"and one has a worker without work", talk, func(s *model.Snapshot) { worker(s) }, ""},
		{"and there is work that nobody takes", talk, func(s *model.Snapshot) {
			worker(s)
			s.Objects = append(s.Objects, &model.Object{
				ID: "pipe:3", Kind: model.Pipe, Detail: &model.PipeDetail{Queued: model.Some[int64](9)}, HoldersComplete: true,
				Holders: []model.Holder{{PID: 20, Via: model.ViaFD, FD: model.Some[int32](7), Access: model.Read}},
			})
		}, model.Certain},
		{"locks, and one catches a signal", circle, func(s *model.Snapshot) { catch(s, "SIGUSR1", "SIGTERM") }, model.Certain},
		{"locks, and one catches SIGALRM", circle, func(s *model.Snapshot) { catch(s, "SIGALRM") }, model.Likely},
		{"a child that reads from its parent, which catches a signal", talk, func(s *model.Snapshot) {
			child(s)
			catch(s, "SIGTERM")
		}, model.Certain},
		{"the same, with another thread that the handler may set going", talk, func(s *model.Snapshot) {
			child(s)
			worker(s)
			catch(s, "SIGTERM")
		}, ""},
		{"a child at a semaphore that its parent's handler may post", talk, func(s *model.Snapshot) {
			child(s)
			semaphores(s, 1)
			catch(s, "SIGTERM")
		}, ""},
		{"a child at a semaphore, and its parent catches SIGINT alone", talk, func(s *model.Snapshot) {
			child(s)
			semaphores(s, 1)
			catch(s, "SIGINT")
		}, model.Certain},
		{"two semaphores in memory without a name", talk, func(s *model.Snapshot) { semaphores(s, 0, 1) }, model.Certain},
		{"two semaphores in memory that others may open", talk, func(s *model.Snapshot) {
			semaphores(s, 0, 1)
			s.Objects[len(s.Objects)-1].Kind = model.PosixShm
		}, ""},
		{"two semaphores, and one catches a signal", talk, func(s *model.Snapshot) {
			semaphores(s, 0, 1)
			catch(s, "SIGINT")
		}, ""},
		{"make waits for a token of its own pipe, and a command of its runs", talk, func(s *model.Snapshot) {
			child(s)
			command(s, 20, "poll", model.Some(true))
		}, ""},
		{"the same, and the command waits for what never comes", talk, func(s *model.Snapshot) {
			child(s)
			command(s, 20, "poll", model.Some(false))
		}, model.Certain},
		{"the same with a read, which goes on after the handler", talk, func(s *model.Snapshot) {
			child(s)
			command(s, 20, "read", model.Some(true))
		}, model.Certain},
		{"a Java program and a child that read from each other", talk, func(s *model.Snapshot) { java(s, "VM Thread") }, model.Certain},
		{"the same, with a thread of the program at a semaphore", talk, func(s *model.Snapshot) { java(s, "pool-1-thread-1") }, ""},
		{"a semaphore on the way, that a handler may post", circle, func(s *model.Snapshot) {
			w := worker(s)
			d := &model.FutexDetail{Type: "mutex", OwnerTID: model.Some(11), OwnerAlive: model.Some(true)}
			s.Objects = append(s.Objects, &model.Object{ID: "futex:10:16", Kind: model.Futex, HoldersComplete: true, Detail: d})
			s.Waits[0].Call, s.Waits[0].Object, s.Waits[0].Target = "futex", "futex:10:16", nil
			_ = w
			catch(s, "SIGUSR1")
		}, model.Possible},
	} {
		s := tt.make()
		tt.change(s)
		var got model.Confidence
		list := New(model.NewIndex(s)).Deadlocks()
		if len(list) > 0 {
			got = list[0].Confidence
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q: %+v", tt.name, got, tt.want, list)
		}
	}
}

// TestHousekeeping distinguishes threads of a language runtime from others with the same
// name.
func TestHousekeeping(t *testing.T) {
	timed := &model.Wait{Timed: model.Some(true), Monitor: true}
	for _, tt := range []struct {
		name    string
		runtime string
		tid     int
		comm    string
		wait    *model.Wait
		want    bool
	}{
		{"the Go runtime's monitor", model.RuntimeGo, 11, "server", timed, true},
		{"another thread of a Go program that sleeps", model.RuntimeGo, 11, "server", &model.Wait{Timed: model.Some(true)}, false},
		{"a thread of the Java virtual machine", model.RuntimeJVM, 11, "VM Periodic Tas", timed, true},
		{"a thread of a Java program", model.RuntimeJVM, 11, "heartbeat", timed, false},
		{"a program that gives its thread such a name", "", 11, "VM Periodic Tas", timed, false},
		{"a worker of V8", model.RuntimeNode, 11, "V8Worker", timed, true},
		{"the main thread", model.RuntimeJVM, 10, "VM Thread", timed, false},
		{"one without a time limit", model.RuntimeJVM, 11, "VM Thread", &model.Wait{Timed: model.Some(false)}, false},
	} {
		p := &model.Process{PID: 10, Threads: 2, Runtime: tt.runtime}
		if got := Housekeeping(p, &model.Thread{TID: tt.tid, Comm: tt.comm}, tt.wait); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	alone := &model.Process{PID: 10, Threads: 1, Runtime: model.RuntimeJVM}
	if Housekeeping(alone, &model.Thread{TID: 11, Comm: "VM Thread"}, timed) {
		t.Error("a process's only thread")
	}
	// A deadlock is found although such a thread wakes from time to time, but only because
	// it is recognised as a thread of the runtime.
	for _, runtime := range []string{model.RuntimeJVM, ""} {
		s := circle()
		w := worker(s)
		w.Timed = model.Some(true)
		s.Processes[0].Runtime, s.Processes[0].ThreadList[1].Comm = runtime, "VM Periodic Tas"
		if list := New(model.NewIndex(s)).Deadlocks(); (len(list) == 1 && list[0].Confidence == model.Likely) != (runtime != "") {
			t.Errorf("with runtime %q: %+v", runtime, list)
		}
	}
}

// TestOwnLocks has a thread wait for a lock that it holds itself, or whose owner has ended.
func TestOwnLocks(t *testing.T) {
	for _, tt := range []struct {
		name    string
		detail  model.FutexDetail
		handler string
		caught  []string
		free    bool // another thread of the process runs
		want    bool
	}{
		{"its own mutex", model.FutexDetail{Type: "mutex", OwnerTID: model.Some(10), OwnerAlive: model.Some(true)}, "", []string{"SIGUSR1"}, true, true},
		{"one that was locked before the fork", model.FutexDetail{Type: "mutex", OwnerTID: model.Some(99), Inherited: true}, "", []string{"SIGTERM"}, false, true},
		{"a word of the C library, in a handler", model.FutexDetail{Type: "unknown"}, "SIGUSR1", []string{"SIGUSR1"}, false, true},
		{"the same, while another thread runs", model.FutexDetail{Type: "unknown"}, "SIGUSR1", []string{"SIGUSR1"}, true, false},
		{"a word, in no handler, that one may wake", model.FutexDetail{Type: "unknown"}, "", []string{"SIGUSR1"}, true, false},
	} {
		s := circle()
		s.Processes, s.Waits = s.Processes[:1], s.Waits[:1]
		s.Processes[0].Signals = &model.Signals{Caught: tt.caught}
		if tt.free {
			s.Processes[0].ThreadList = append(s.Processes[0].ThreadList, model.Thread{TID: 11, State: "R"})
			s.Processes[0].Threads = 2
		}
		s.Objects = []*model.Object{{ID: "futex:10:8", Kind: model.Futex, HoldersComplete: true, Detail: &tt.detail}}
		w := &s.Waits[0]
		w.Call, w.Object, w.Target, w.Handler = "futex", "futex:10:8", nil, tt.handler
		if got := New(model.NewIndex(s)).Stuck(w, Unreadable) != nil; got != tt.want {
			t.Errorf("%s: stuck %v", tt.name, got)
		}
	}
}

// TestReleased removes processes from the graph, one after the other, and checks which
// threads would continue.
func TestReleased(t *testing.T) {
	mutex := func(kind string) func() *model.Snapshot {
		return func() *model.Snapshot {
			s := circle()
			for i := range s.Waits {
				w := &s.Waits[i]
				w.Call, w.Target = "futex", nil
			}
			for i, tid := range []int{10, 20} {
				s.Objects[i].Kind, s.Objects[i].Detail = model.Futex, &model.FutexDetail{Type: kind, OwnerTID: model.Some(tid), OwnerAlive: model.Some(true)}
			}
			return s
		}
	}
	twoHolders := func() *model.Snapshot {
		s := circle()
		s.Objects[0].Detail.(*model.FileDetail).Locks[0].Holders = []int{10, 40}
		return s
	}
	parent := func(w model.Wait, children ...int) func() *model.Snapshot {
		return func() *model.Snapshot {
			s := circle()
			w.PID, w.TID, w.Confirmed, w.Timed, w.BlockedFor = 10, 10, true, model.Some(false), s.Waits[0].BlockedFor
			s.Waits[0] = w
			for _, p := range s.Processes {
				if slices.Contains(children, p.PID) {
					p.PPID = 10
				}
			}
			return s
		}
	}
	forAny := model.Wait{Call: "wait4", Needs: model.NeedsChild, Target: &model.Target{Child: model.Some(-1)}}
	forOne := model.Wait{Call: "wait4", Needs: model.NeedsChild, Target: &model.Target{Child: model.Some(20)}}
	// 10 waits for its child 30, and 20 for a lock that others have as well as 10.
	inherited := func(holders ...int) func() *model.Snapshot {
		return func() *model.Snapshot {
			s := parent(model.Wait{Call: "wait4", Needs: model.NeedsChild, Target: &model.Target{Child: model.Some(30)}}, 30)()
			s.Waits = s.Waits[:2]
			s.Objects[0].Detail.(*model.FileDetail).Locks[0].Holders = append([]int{10}, holders...)
			return s
		}
	}
	for _, tt := range []struct {
		name   string
		make   func() *model.Snapshot
		gone   []int
		want   []int // tids
		locks  bool
		closes bool
	}{
		{"locks on files", circle, []int{10}, []int{20, 30}, true, false},
		{"the other one", circle, []int{20}, []int{10, 30}, true, false},
		{"a victim", circle, []int{30}, nil, false, false},
		{"a lock that another process has as well", twoHolders, []int{10}, nil, false, false},
		{"both", twoHolders, []int{10, 40}, []int{20, 30}, true, false},
		{"pipes", talk, []int{10}, []int{20}, false, true},
		{"mutexes", mutex("mutex"), []int{10}, nil, false, false},
		{"one of two children waited for", parent(forAny, 20, 30), []int{20}, nil, false, false},
		{"both children waited for", parent(forAny, 20, 30), []int{20, 30}, []int{10}, false, false},
		{"the only child", parent(forAny, 20), []int{20}, []int{10, 30}, false, false},
		{"the child that is waited for", parent(forOne, 20, 30), []int{20}, []int{10, 30}, false, false},
		{"the child of the lock's only holder", inherited(), []int{30}, []int{10, 20}, false, false},
		{"the child of one of its holders", inherited(40), []int{30}, []int{10}, false, false},
		{"the other holder ends, too", inherited(40), []int{30, 40}, []int{10, 20}, false, false},
		{"robust mutexes", mutex("robust-mutex"), []int{10}, []int{20, 30}, true, false},
	} {
		s := tt.make()
		var waits []*model.Wait
		for i := range s.Waits {
			waits = append(waits, &s.Waits[i])
		}
		g := New(model.NewIndex(s))
		r := g.Without(tt.gone...).Released(waits)
		var got []int
		for _, w := range r.Waits {
			got = append(got, w.TID)
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) || r.Locks != tt.locks || r.Closes != tt.closes {
			t.Errorf("%s: %v, locks %v, closes %v", tt.name, got, r.Locks, r.Closes)
		}
		if r := g.Released(waits); len(r.Waits) > 0 {
			t.Errorf("%s: with nobody taken out %v go on", tt.name, r.Waits)
		}
	}
	s := circle()
	waits := []*model.Wait{&s.Waits[2]}
	if r := New(model.NewIndex(s)).Resumed(10).Released(waits); len(r.Waits) != 1 {
		t.Errorf("who waits for one that is resumed: %+v", r)
	}
	// 10 has a lock, as has its child 30, which is stopped.
	for _, tt := range []struct {
		name   string
		change func(*model.Snapshot)
		want   int
	}{
		{"its parent waits for it", func(*model.Snapshot) {}, 1},
		{"its parent sleeps", func(s *model.Snapshot) {
			s.Waits[0].Call, s.Waits[0].Needs, s.Waits[0].Timed = "nanosleep", model.NeedsTime, model.Some(true)
		}, 1},
		{"its parent waits for somebody else", func(s *model.Snapshot) { s.Waits[0] = circle().Waits[0] }, 0},
	} {
		s := inherited(30)()
		s.Processes[2].State, s.Processes[2].ThreadList[0].State = "T", "T"
		tt.change(s)
		if r := New(model.NewIndex(s)).Resumed(30).Released([]*model.Wait{&s.Waits[1]}); len(r.Waits) != tt.want {
			t.Errorf("%s: %+v", tt.name, r)
		}
	}
}
