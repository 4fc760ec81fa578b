package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// TestTakingTurns: nothing is reported for servers that take turns, of which one has the lock
// and waits for connections. If anything differs from that, it is reported.
func TestTakingTurns(t *testing.T) {
	server := func(ppid int) func(*model.Process) {
		return func(p *model.Process) { p.PPID, p.Comm, p.Exe = ppid, "server", "/usr/sbin/server" }
	}
	serve := model.Wait{PID: 12, Call: "epoll_wait", Needs: model.NeedsEvent, Objects: []string{"tcp:1", "pipe:2"}}
	const none = model.Severity("")
	for _, tt := range []struct {
		name   string
		change func(*machine)
		want   model.Severity
	}{
		{"takes turns", func(*machine) {}, none},
		{"the holder has just been woken", func(m *machine) {
			m.Waits[slices.IndexFunc(m.Waits, func(w model.Wait) bool { return w.PID == 12 })].Confirmed = false
		}, none},
		{"the holder runs", func(m *machine) {
			m.Waits = slices.DeleteFunc(m.Waits, func(w model.Wait) bool { return w.PID == 12 })
			m.Processes[1].State = "R"
		}, model.Info},
		{"the holder runs, which is another program", func(m *machine) {
			m.Waits = slices.DeleteFunc(m.Waits, func(w model.Wait) bool { return w.PID == 12 })
			m.Processes[1].State, m.Processes[1].Exe = "R", "/usr/bin/backup"
		}, model.Warning},
		{"the holder accepts", func(m *machine) {
			m.wait(model.Wait{PID: 12, Call: "accept4", Needs: model.NeedsPeer, Object: "tcp:1"})
		}, none},
		{"the holder polls something else", func(m *machine) {
			m.wait(model.Wait{PID: 12, Call: "epoll_wait", Needs: model.NeedsEvent, Objects: []string{"pipe:2"}})
		}, model.Warning},
		{"the holder reads", func(m *machine) {
			m.wait(model.Wait{PID: 12, Call: "read", Needs: model.NeedsData, Object: "pipe:2"})
		}, model.Warning},
		{"another program waits", func(m *machine) { m.Processes[2].Exe = "/usr/bin/backup" }, model.Warning},
		{"one waits that does not serve", func(m *machine) { m.Objects[0].Holders = m.Objects[0].Holders[:2] }, model.Warning},
	} {
		m := newMachine()
		// As if a process had forked, and then its child.
		m.process(11, server(1)).process(12, server(11)).process(13, server(10))
		m.object("tcp:1", model.TCP, listener(0, 5), held(11, 12, 13)).object("pipe:2", model.Pipe, &model.PipeDetail{}, held(12, 99))
		m.object("file:3", model.File, &model.FileDetail{Locks: []model.Lock{{Type: "posix", Mode: "WRITE", PID: model.Some(12), End: model.Some[int64](eofRange)}}})
		m.wait(serve)
		for _, pid := range []int{11, 13} {
			m.wait(model.Wait{
				PID: pid, Call: "fcntl", Needs: model.NeedsLock, Object: "file:3",
				Target: &model.Target{LockType: "posix", Mode: "WRITE", Range: "0-EOF"},
			})
		}
		tt.change(m)
		got := none
		for _, f := range m.found("lock-wait") {
			got = f.Severity
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// eofRange is the end of a lock that extends to the end of the file.
const eofRange = 1<<63 - 1

// TestLockWaitBlamesNobody: if it is not known who holds a mutex, no process is called its
// holder, and no waiter is.
func TestLockWaitBlamesNobody(t *testing.T) {
	for _, tt := range []struct {
		name         string
		owner        model.Opt[int]
		possible     []int
		mappers      []int32
		summary, why string
		root         int
	}{
		{"the owner is known", model.Some(6), nil, []int32{5, 6, 7, 8}, "p5(5) and p8(8) wait for futex:m, locked by p6(6), which reads from", "", 6},
		{
			"it is one of two",
			model.Opt[int]{},
			[]int{6, 7},
			[]int32{5, 6, 7, 8, 9},
			"p5(5) and p8(8) wait for futex:m, locked by one of p6(6) and p7(7)",
			"threads in several pid namespaces have the owner's id", 0,
		},
		{
			"the lock names none",
			model.Opt[int]{},
			nil,
			[]int32{5, 6, 7, 8},
			"p5(5) and p8(8) wait for futex:m, locked by one of p6(6) and p7(7)",
			"which process holds futex:m is not known", 0,
		},
		{"only one can", model.Opt[int]{}, nil, []int32{5, 6, 8}, "p5(5) and p8(8) wait for futex:m, locked by p6(6), which reads from", "", 6},
	} {
		m := newMachine().process(5).process(6).process(7).process(8).process(9)
		m.object("shm-anon:1", model.ShmAnon, nil, mapped(tt.mappers...))
		m.object("futex:m", model.Futex, &model.FutexDetail{Object: "shm-anon:1", Type: "mutex", OwnerTID: tt.owner, PossibleOwners: tt.possible})
		for _, pid := range []int{5, 8} {
			m.wait(model.Wait{PID: pid, Call: "futex", Needs: model.NeedsLock, Object: "futex:m", Timed: model.Some(false)})
		}
		list := m.found("lock-wait")
		if len(list) != 1 || !strings.HasPrefix(list[0].Summary, tt.summary) {
			t.Errorf("%s: %+v", tt.name, list)
			continue
		}
		f := list[0]
		root := 0
		if f.Root != nil {
			root = f.Root.PID
		}
		if root != tt.root || tt.why != "" && (f.Confidence != model.Likely || !slices.Contains(f.LoweredBy, tt.why) || len(f.Actions) > 0) {
			t.Errorf("%s: root %d, %s, %q, %+v", tt.name, root, f.Confidence, f.LoweredBy, f.Actions)
		}
	}
}

func mapped(pids ...int32) func(*model.Object) {
	return func(o *model.Object) {
		for _, pid := range pids {
			o.Holders = append(o.Holders, model.Holder{PID: pid, Via: model.ViaMap, Access: model.ReadWrite})
		}
	}
}

// TestStoppedHolderResumes: if several processes hold a lock together and one is stopped, the advice is to
// resume it, and not to end any of them.
func TestStoppedHolderResumes(t *testing.T) {
	stopped := func(p *model.Process) { p.State = "T" }
	asleep := func(*model.Process) {}
	for _, tt := range []struct {
		name          string
		parent, child func(*model.Process)
		want          []string
	}{
		{"the parent is stopped", stopped, asleep, []string{"kill", "-CONT", "6"}},
		{"the child is stopped", asleep, stopped, []string{"kill", "-CONT", "7"}},
		{"both run", asleep, asleep, []string{"kill", "6", "7"}},
		{"a debugger has the parent", func(p *model.Process) { p.State = "t" }, asleep, []string{"kill", "-KILL", "6", "7"}},
	} {
		m := newMachine().process(5).process(6, tt.parent).process(7, func(p *model.Process) { p.PPID = 6 }, tt.child)
		m.object("file:1", model.File, &model.FileDetail{Locks: []model.Lock{{Type: "flock", Mode: "WRITE", PID: model.Some(6), Holders: []int{6, 7}, End: model.Some[int64](eofRange)}}}, held(6, 7, 5))
		m.wait(model.Wait{PID: 5, Call: "flock", Needs: model.NeedsLock, Object: "file:1", Target: &model.Target{LockType: "flock", Mode: "WRITE", Range: "0-EOF"}})
		list := m.found("lock-wait")
		if len(list) != 1 || len(list[0].Actions) != 1 || !slices.Equal(list[0].Actions[0].Argv, tt.want) {
			t.Errorf("%s: %+v", tt.name, list)
		}
	}
}

// TestLockWithATimeLimit: a wait for a mutex with a time limit is reported with the holder
// and the limit, but is not part of a deadlock, because it ends by itself.
func TestLockWithATimeLimit(t *testing.T) {
	m := newMachine().process(5).process(6)
	for pid, owner := range map[int]int{5: 6, 6: 5} {
		id := fmt.Sprint("futex:", owner)
		m.object(id, model.Futex, &model.FutexDetail{Type: "mutex", OwnerTID: model.Some(owner)}, mapped(5, 6))
		m.wait(model.Wait{
			PID: pid, Call: "futex", Needs: model.NeedsLock, Object: id, Timed: model.Some(true), Timeout: model.Some(int64(10*time.Minute) - 12345),
		})
	}
	if list := m.found("deadlock"); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	list := m.found("lock-wait")
	const want = "p5(5) waits for futex:6, locked by p6(6), which wants the mutex futex:5 (for 10m at most)"
	if !slices.ContainsFunc(list, func(f model.Finding) bool { return f.Summary == want && f.Confidence == model.Likely }) {
		t.Errorf("%+v", list)
	}
}

// TestChainWithinAProcess: threads of one process that wait for each other are not a chain
// of processes.
func TestChainWithinAProcess(t *testing.T) {
	m := newMachine().process(5, func(p *model.Process) {
		p.Threads, p.ThreadList = 3, []model.Thread{{TID: 5, State: "S"}, {TID: 51, State: "S"}, {TID: 52, State: "S"}}
	})
	m.wait(model.Wait{PID: 5, Call: "pause", Needs: model.NeedsSignal, Idle: true, Timed: model.Some(false)})
	for tid, d := range map[int]*model.FutexDetail{51: {Type: "rwlock"}, 52: {Type: "mutex", OwnerTID: model.Some(5)}} {
		id := fmt.Sprint("futex:5:", tid)
		m.object(id, model.Futex, d)
		m.Waits = append(m.Waits, model.Wait{
			PID: 5, TID: tid, Call: "futex", Needs: model.NeedsLock, Object: id, Confirmed: true, Timed: model.Some(true), BlockedFor: model.Some(int64(time.Minute)),
		})
	}
	if list := m.found("wait-chain"); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// TestLockedElsewhere: if a lock is not listed, its holder is not visible, unless there is another
// possible reason why the lock is missing.
func TestLockedElsewhere(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*machine)
		want   string // in the summary; "": there is none
	}{
		{"in a pid namespace", func(m *machine) {
			m.Gaps = []model.Gap{{Probe: "process", Op: "list", Reason: model.Unsupported}}
		}, "p11(11) waits for file:3: the lock is held by a process that is not visible from here, as those outside this pid namespace are not"},
		{"on another host", func(*machine) {}, "p11(11) waits for file:3: the holder of the lock is not visible from here; it may be on another host"},
		{"somebody else has the file", func(m *machine) { held(11, 12)(m.Objects[0]) }, ""},
		{"somebody else has the file, in a pid namespace", func(m *machine) {
			held(11, 12)(m.Objects[0])
			m.Gaps = []model.Gap{{Probe: "process", Op: "list", Reason: model.Unsupported}}
		}, "outside this pid namespace"},
		{"the locks could not be read", func(m *machine) { m.Gaps = []model.Gap{{Probe: "locks", Op: "read", Reason: model.Denied}} }, ""},
		{"the wait is younger than the scan", func(m *machine) { m.Scan.Duration = int64(time.Hour) }, ""},
		{"the lock is listed", func(m *machine) {
			m.Objects[0].Detail = &model.FileDetail{Locks: []model.Lock{{Type: "flock", Mode: "WRITE", PID: model.Some(12), Holders: []int{12}}}}
		}, "locked by p12(12)"},
		{"an OFD lock, whose maker is never listed", func(m *machine) {
			w := &m.Waits[slices.IndexFunc(m.Waits, func(w model.Wait) bool { return w.PID == 11 })]
			w.Call, w.Target.LockType = "fcntl", "ofd"
			m.Objects[0].Detail = &model.FileDetail{Locks: []model.Lock{{Type: "ofd", Mode: "WRITE"}}}
			m.Gaps = []model.Gap{{Probe: "process", Op: "list", Reason: model.Unsupported}}
		}, "outside this pid namespace"},
		{"a lock that is not in the way is listed", func(m *machine) {
			m.Objects[0].Detail = &model.FileDetail{Locks: []model.Lock{{Type: "posix", Mode: "WRITE", PID: model.Some(12), Holders: []int{12}}}}
		}, "not visible from here"},
	} {
		m := newMachine()
		m.process(11).process(12).object("file:3", model.File, new(model.FileDetail), held(11))
		m.wait(model.Wait{
			PID: 11, Call: "flock", Needs: model.NeedsLock, Object: "file:3", Timed: model.Some(false),
			Target: &model.Target{LockType: "flock", Mode: "WRITE", Range: "0-EOF", FD: model.Some(3)},
		})
		c.change(m)
		var found []string
		for _, f := range Find(&m.Snapshot, Defaults()) {
			if f.Rule == "lock-wait" {
				found = append(found, f.Summary)
				if hidden := strings.Contains(f.Summary, "not visible"); hidden && (f.Confidence != model.Likely || f.Root != nil || len(f.Actions) > 0) {
					t.Errorf("%s: %s, root %+v, actions %+v", c.name, f.Confidence, f.Root, f.Actions)
				}
			}
		}
		if c.want == "" && len(found) > 0 || c.want != "" && (len(found) != 1 || !strings.Contains(found[0], c.want)) {
			t.Errorf("%s: found %q, not %q", c.name, found, c.want)
		}
	}
}
