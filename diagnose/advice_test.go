package diagnose

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// TestResumeIsTried: it is offered to resume a stopped receiver, but not one that runs.
func TestResumeIsTried(t *testing.T) {
	for _, tt := range []struct {
		name     string
		state    string
		received time.Time
		want     int
	}{
		{"stopped", "T", now, 1},
		{"sleeps", "S", now, 0},
		{"another process of that number", "T", before.Add(-time.Hour), 0},
	} {
		m := newMachine()
		m.process(5).process(6, func(p *model.Process) { p.State = tt.state })
		m.object("sysv-msg:1", model.SysvMsg, &model.SysvMsgDetail{LastRecvPID: model.Some(6), RecvTime: tt.received})
		m.wait(model.Wait{PID: 5, Call: "msgsnd", Needs: model.NeedsSpace, Object: "sysv-msg:1"})
		var actions []model.Action
		for _, f := range slices.Concat(m.found("queue-full"), m.found("holder-stopped")) {
			actions = append(actions, f.Actions...)
		}
		if len(actions) != tt.want || tt.want == 1 && !slices.Equal(actions[0].Argv, []string{"kill", "-CONT", "6"}) {
			t.Errorf("%s: %+v", tt.name, actions)
		}
	}
}

// argvs returns the commands that a rule's findings offer.
func argvs(list []model.Finding) []string {
	var all []string
	for _, f := range list {
		for _, a := range f.Actions {
			all = append(all, strings.Join(a.Argv, " "))
		}
	}
	return all
}

// TestCommandsThatHelp: only commands that help in the given case are offered.
func TestCommandsThatHelp(t *testing.T) {
	stops := func(signal string) func(*model.Process) {
		return func(p *model.Process) { p.State, p.StopSignal = "T", signal }
	}
	waitsFor := func(m *machine, holder int) *machine {
		m.object("file:1", model.File, &model.FileDetail{Locks: []model.Lock{{Type: "posix", Mode: "WRITE", PID: model.Some(holder)}}})
		return m.wait(model.Wait{PID: 5, Call: "fcntl", Needs: model.NeedsLock, Object: "file:1", Target: &model.Target{LockType: "posix", Mode: "WRITE", Range: "0-EOF"}})
	}
	signals := func(s model.Signals) func(*model.Process) {
		s.Queued, s.QueueLimit, s.Pending = model.Some[int64](9), model.Some[int64](10), []string{"SIGUSR1"}
		return func(p *model.Process) { p.Signals = &s }
	}
	inFlight := func(m *machine, receiver int32) *machine {
		return m.object("unix:1", model.Unix, &model.UnixDetail{InflightFDs: model.Some[int64](1)}, held(receiver)).object("pipe:1", model.Pipe, &model.PipeDetail{}).
			wait(model.Wait{PID: 6, Call: "read", Needs: model.NeedsData, Object: "pipe:1"})
	}
	queue := func(change ...func(*model.Object)) *machine {
		m := newMachine().object("posix-mq:0:1:1", model.PosixMq, &model.PosixMqDetail{Notify: &model.MqNotify{}}, change...)
		m.Objects[0].Name = "/jobs"
		return m
	}
	child := func(p *model.Process) { p.PPID = 5 }
	for _, tt := range []struct {
		rule, name string
		m          *machine
		want       string // commands
	}{
		{"holder-stopped", "stopped", waitsFor(newMachine().process(5).process(6, stops("SIGSTOP")), 6), "kill -CONT 6"},
		{"holder-stopped", "stopped by its terminal, which would stop it again", waitsFor(newMachine().process(5).process(6, stops("SIGTTIN")), 6), "kill -KILL 6"},
		{"stopped-by-tty", "nobody waits for it", newMachine().process(6, stops("SIGTTIN")), ""},
		{"stopped-by-tty", "somebody does", waitsFor(newMachine().process(5).process(6, stops("SIGTTIN")), 6), "kill -KILL 6"},
		{"signal-queue-near-limit", "one that ends when it is told to", newMachine().process(6, signals(model.Signals{})), "kill 6"},
		{"signal-queue-near-limit", "one that blocks SIGTERM", newMachine().process(6, signals(model.Signals{Blocked: []string{"SIGTERM"}})), "kill -KILL 6"},
		{"signal-queue-near-limit", "one that catches it, to clean up", newMachine().process(6, signals(model.Signals{Caught: []string{"SIGTERM"}})), "kill 6"},
		{"signal-queue-near-limit", "one that has ended", newMachine().process(6, signals(model.Signals{}), func(p *model.Process) { p.State = "Z" }), ""},
		{"fd-in-flight", "somebody waits", inFlight(newMachine().process(5).process(6, child), 5), "kill 5"},
		{"fd-in-flight", "the receiver is stopped", inFlight(newMachine().process(5, stops("SIGSTOP")).process(6, child), 5), "kill -CONT 5, kill -KILL 5"},
		{"fd-in-flight", "the receiver itself waits", inFlight(newMachine().process(6), 6), ""},
		{"inherited-listener", "of the machine's first process", newMachine().process(1, func(p *model.Process) { p.PGID, p.SID = 99, 99 }).
			object("tcp:1", model.TCP, listener(0, 5), held(1)), ""},
		{"lock-wait", "the holder sleeps", waitsFor(newMachine().process(5).process(6), 6), "kill 6"},
		{"lock-wait", "the holder runs", waitsFor(newMachine().process(5).process(6, func(p *model.Process) { p.State = "R" }), 6), ""},
		{"orphan-posix-mq", "where there is a file", queue(func(o *model.Object) { o.Aliases = []string{"/dev/mqueue/jobs"} }), "rm -- /dev/mqueue/jobs"},
		{"orphan-posix-mq", "where there is none", queue(), strings.Join(mountedApart, " ") + " jobs"},
		{"orphan-posix-mq", "of another namespace", queue(func(o *model.Object) { o.Namespace = &model.Namespace{Type: "ipc", Inode: 7} }), ""},
	} {
		list := tt.m.found(tt.rule)
		if got := strings.Join(argvs(list), ", "); len(list) == 0 && tt.want != "" || got != tt.want {
			t.Errorf("%s, %s: %q, want %q; %+v", tt.rule, tt.name, got, tt.want, list)
		}
	}
}

// TestEndingByWhatSigtermDoes: the signal that is offered to end a process has an effect on it,
// and "ends" is said only if the kernel ensures it.
func TestEndingByWhatSigtermDoes(t *testing.T) {
	none, term := []string{}, []string{"SIGTERM"}
	masks := func(blocked, ignored, caught []string) func(*model.Process) {
		return func(p *model.Process) { p.Signals = &model.Signals{Blocked: blocked, Ignored: ignored, Caught: caught} }
	}
	threads := func(blocked ...[]string) func(*model.Process) {
		return func(p *model.Process) {
			p.Threads = len(blocked)
			for i, b := range blocked {
				th := model.Thread{TID: p.PID + i, State: "S"}
				if i > 0 {
					th.Signals = &model.Signals{Blocked: b}
				}
				p.ThreadList = append(p.ThreadList, th)
			}
		}
	}
	inside := func(pids ...int) func(*model.Process) {
		return func(p *model.Process) { p.NSPIDs, p.Namespaces = pids, map[string]uint64{"pid": 7} }
	}
	sigwait := func(tid int) func(*machine) {
		return func(m *machine) {
			m.Waits = append(m.Waits, model.Wait{PID: 6, TID: tid, Call: "rt_sigtimedwait", Needs: model.NeedsSignal, Confirmed: true})
		}
	}
	asleep := func(m *machine) {
		m.Waits = append(m.Waits, model.Wait{PID: 6, TID: 7, Call: "read", Needs: model.NeedsData, Confirmed: true})
	}
	signalfd := func(signals []string) func(*machine) {
		return func(m *machine) {
			m.object("signalfd:1", model.Signalfd, &model.SignalfdDetail{Signals: signals}, held(6))
		}
	}
	reads := func(object string) func(*machine) {
		return func(m *machine) {
			m.wait(model.Wait{PID: 6, Call: "epoll_wait", Needs: model.NeedsEvent, Objects: []string{"eventfd:1", object}, Timed: model.Some(false)})
		}
	}
	const released = "its locks are released; p5(5) goes on"
	const ends, asks = "kill 6: ends p6(6); " + released, "kill 6: asks p6(6) to end; when it does, " + released
	const kills = "kill -KILL 6: ends p6(6) without letting it clean up; " + released
	const all = "; all of the pid namespace of p6(6) ends with it"
	for _, tt := range []struct {
		name    string
		process []func(*model.Process)
		machine []func(*machine)
		want    string
	}{
		{"nothing arranged", []func(*model.Process){masks(none, none, none)}, nil, ends},
		{"unknown", nil, nil, asks},
		{"partly unknown", []func(*model.Process){masks(none, none, nil)}, nil, asks},
		{"caught", []func(*model.Process){masks(none, none, term)}, nil, asks},
		{"ignored", []func(*model.Process){masks(none, term, none)}, nil, kills},
		{"blocked", []func(*model.Process){masks(term, none, none)}, nil, kills},
		{"blocked, for a handler that never runs", []func(*model.Process){masks(term, none, term)}, nil, kills},
		{"blocked by the main thread alone", []func(*model.Process){masks(term, none, none), threads(nil, none)}, []func(*machine){asleep}, ends},
		{"blocked by all threads", []func(*model.Process){masks(term, none, none), threads(nil, term)}, []func(*machine){asleep}, kills},
		{"taken by a thread in sigwait", []func(*model.Process){masks(term, none, none), threads(nil, none)}, []func(*machine){sigwait(7)}, asks},
		{"another thread in sigwait than that which gets it", []func(*model.Process){masks(none, none, none), threads(nil, none)}, []func(*machine){sigwait(7)}, ends},
		{"in sigwait for another signal", []func(*model.Process){masks(term, none, none), threads(nil, term)}, []func(*machine){sigwait(7)}, kills},
		{"read from a signalfd", []func(*model.Process){masks(term, none, none)}, []func(*machine){signalfd(term), reads("signalfd:1")}, asks},
		{"signalfd that nobody reads", []func(*model.Process){masks(term, none, none)}, []func(*machine){signalfd(term), reads("pipe:1")}, kills},
		{"signalfd for others", []func(*model.Process){masks(term, none, none)}, []func(*machine){signalfd(none), reads("signalfd:1")}, kills},
		{"stopped", []func(*model.Process){masks(none, none, none), func(p *model.Process) { p.State, p.StopSignal = "T", "SIGTTIN" }}, nil, kills},
		{"in a pid namespace", []func(*model.Process){masks(none, none, none), inside(6, 2)}, nil, ends},
		{"its first process", []func(*model.Process){masks(none, none, none), inside(6, 1)}, nil, kills + all},
		{"its first process, with a handler", []func(*model.Process){masks(none, none, term), inside(6, 1)}, nil, asks + all},
	} {
		m := newMachine().process(5).process(6, tt.process...)
		m.object("file:1", model.File, &model.FileDetail{Locks: []model.Lock{{Type: "posix", Mode: "WRITE", PID: model.Some(6)}}})
		m.wait(model.Wait{PID: 5, Call: "fcntl", Needs: model.NeedsLock, Object: "file:1", Target: &model.Target{LockType: "posix", Mode: "WRITE", Range: "0-EOF"}})
		for _, f := range tt.machine {
			f(m)
		}
		var got []string
		for _, f := range slices.Concat(m.found("lock-wait"), m.found("holder-stopped")) {
			for _, a := range f.Actions {
				got = append(got, strings.Join(a.Argv, " ")+": "+a.Effect)
			}
		}
		if strings.Join(got, "\n") != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), tt.want)
		}
	}
}

// TestWhoEndsToo: the processes of a pid namespace do not continue when its first process ends.
func TestWhoEndsToo(t *testing.T) {
	inside := func(pid int) func(*model.Process) {
		return func(p *model.Process) {
			p.NSPIDs, p.Namespaces = []int{p.PID, pid}, map[string]uint64{"pid": 7}
			p.Signals = &model.Signals{Blocked: []string{}, Ignored: []string{}, Caught: []string{}}
		}
	}
	m := newMachine().process(5).process(6, inside(1)).process(7, inside(2))
	m.object("file:1", model.File, &model.FileDetail{Locks: []model.Lock{{Type: "posix", Mode: "WRITE", PID: model.Some(6)}}})
	for _, pid := range []int{5, 7} {
		m.wait(model.Wait{PID: pid, Call: "fcntl", Needs: model.NeedsLock, Object: "file:1", Target: &model.Target{LockType: "posix", Mode: "WRITE", Range: "0-EOF"}})
	}
	list := m.found("lock-wait")
	if len(list) != 1 || len(list[0].Actions) != 1 || !strings.Contains(list[0].Actions[0].Effect, "; p5(5) goes on; all of the pid namespace of p6(6) ends with it") {
		t.Errorf("%+v", list)
	}
}

// TestOneAfterTheOther: if several processes wait for an exclusive lock, they get it one after the
// other; all waiters for a shared lock get it at once.
func TestOneAfterTheOther(t *testing.T) {
	for mode, want := range map[string]bool{"WRITE": true, "READ": false} {
		m := newMachine().process(5).process(6).process(7)
		m.object("file:1", model.File, &model.FileDetail{Locks: []model.Lock{{Type: "posix", Mode: "WRITE", PID: model.Some(7)}}})
		for _, pid := range []int{5, 6} {
			m.wait(model.Wait{PID: pid, Call: "fcntl", Needs: model.NeedsLock, Object: "file:1", Target: &model.Target{LockType: "posix", Mode: mode, Range: "0-EOF"}})
		}
		list := m.found("lock-wait")
		if len(list) != 1 || len(list[0].Actions) != 1 || strings.HasSuffix(list[0].Actions[0].Effect, "p5(5) and p6(6) go on, one after the other") != want {
			t.Errorf("%s: %+v", mode, list)
		}
	}
}
