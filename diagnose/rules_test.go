package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

var (
	now    = time.Unix(1700000000, 0)
	before = now.Add(-time.Hour)
)

// machine builds a snapshot.
type machine struct{ model.Snapshot }

func newMachine() *machine {
	return &machine{model.Snapshot{Taken: now, Host: model.Host{Namespaces: map[string]uint64{"ipc": 1, "net": 1, "mnt": 1}}}}
}

// process adds a process that sleeps in a read from its parent-death pipe, as fixtures do.
func (m *machine) process(pid int, change ...func(*model.Process)) *machine {
	p := &model.Process{PID: pid, PPID: 1, PGID: pid, SID: pid, Comm: fmt.Sprintf("p%d", pid), State: "S", Threads: 1, StartTime: before}
	for _, f := range change {
		f(p)
	}
	m.Processes = append(m.Processes, p)
	if p.State == "S" {
		m.wait(model.Wait{PID: pid, Call: "read", Needs: "data"})
	}
	return m
}

// wait adds a wait of a minute; it replaces the one that the process has.
func (m *machine) wait(w model.Wait) *machine {
	m.Waits = slices.DeleteFunc(m.Waits, func(old model.Wait) bool { return old.PID == w.PID })
	w.TID, w.Confirmed = w.PID, true
	if !w.BlockedFor.Known() {
		w.BlockedFor = model.Some(int64(time.Minute))
	}
	m.Waits = append(m.Waits, w)
	return m
}

func (m *machine) object(id string, kind model.Kind, d model.Detail, change ...func(*model.Object)) *machine {
	o := &model.Object{ID: id, Kind: kind, Detail: d, HoldersComplete: true}
	for _, f := range change {
		f(o)
	}
	m.Objects = append(m.Objects, o)
	return m
}

func held(pids ...int32) func(*model.Object) {
	return func(o *model.Object) {
		for i, pid := range pids {
			o.Holders = append(o.Holders, model.Holder{PID: pid, Via: model.ViaFD, FD: model.Some(int32(i)), Access: model.ReadWrite})
		}
	}
}

func incomplete(o *model.Object) { o.HoldersComplete = false }

func (m *machine) gap(g model.Gap) *machine { m.Gaps = append(m.Gaps, g); return m }

func (m *machine) limit(l model.Limit) *machine { m.Limits = append(m.Limits, l); return m }

// Gaps of a scan that does not see all processes: because the proc file system hides them,
// or because they are outside the pid namespace.
var (
	hidesProcesses = model.Gap{Probe: "process", Op: "list", Reason: model.Denied}
	ownNamespace   = model.Gap{Probe: "process", Op: "list", Reason: model.Unsupported}
)

// found returns the findings of one rule.
func (m *machine) found(rule string) []model.Finding {
	list := Find(&m.Snapshot, Options{MinAge: time.Second})
	return slices.DeleteFunc(list, func(f model.Finding) bool { return f.Rule != rule })
}

func shm(d model.SysvShmDetail) *model.SysvShmDetail {
	if !d.Attached.Known() {
		d.Attached = model.Some[int64](0)
	}
	if d.Key == "" {
		d.Key = "0x00000007"
	}
	if !d.CreatorPID.Known() {
		d.CreatorPID = model.Some(7)
	}
	d.ChangeTime = before
	return &d
}

func sysv(id int) func(*model.Object) {
	return func(o *model.Object) { o.SysvID = model.Some(id) }
}

func listener(backlog, most int64) *model.InetDetail {
	return &model.InetDetail{State: "LISTEN", Local: "127.0.0.1:80", Backlog: model.Some(backlog), BacklogMax: model.Some(most)}
}

// TestRulesJudge applies each rule to cases that differ in one detail. want is the severity
// and confidence of the finding; "" if there must be none.
func TestRulesJudge(t *testing.T) {
	young := func(p *model.Process) { p.StartTime = now.Add(-time.Second) }
	orphaned := func(p *model.Process) { p.PGID = 99 }
	noSession := func(p *model.Process) { p.PGID, p.SID = 99, 0 }
	started := func(p *model.Process) { p.PPID = 98 }
	stopped := func(signal string) func(*model.Process) {
		return func(p *model.Process) { p.State, p.StopSignal, p.TTY = "T", signal, "/dev/pts/3" }
	}
	signals := func(s model.Signals, threads ...model.Thread) func(*model.Process) {
		return func(p *model.Process) { p.Signals, p.ThreadList = &s, threads }
	}
	termed := model.Signals{SharedPending: []string{"SIGTERM"}, Blocked: []string{"SIGTERM"}}
	queue := func(sent time.Time) *model.SysvMsgDetail {
		return &model.SysvMsgDetail{Messages: model.Some[int64](3), LastSendPID: model.Some(7), SendTime: sent, ChangeTime: before}
	}
	sems := func(pids ...int) *model.SysvSemDetail {
		d := &model.SysvSemDetail{OpTime: before}
		for _, pid := range pids {
			d.Sems = append(d.Sems, model.Sem{LastPID: model.Some(pid), NCount: model.Some(0), ZCount: model.Some(0)})
		}
		return d
	}
	wantsType := func(n int, age time.Duration) model.Wait {
		return model.Wait{
			PID: 5, Call: "msgrcv", Needs: "message", Object: "sysv-msg:1", Target: &model.Target{MessageType: model.Some(n)},
			BlockedFor: model.Some(int64(age)),
		}
	}
	sends := func(age time.Duration) model.Wait {
		return model.Wait{PID: 5, Call: "mq_timedsend", Needs: "space", Object: "posix-mq:0:1:1", BlockedFor: model.Some(int64(age))}
	}
	connects := func(age time.Duration) model.Wait {
		return model.Wait{PID: 5, Call: "connect", Needs: "peer", Target: &model.Target{Path: "/s"}, BlockedFor: model.Some(int64(age))}
	}
	closing := func(n int, silent time.Duration) *machine {
		m := newMachine().process(5)
		for i := range n {
			d := &model.InetDetail{State: "CLOSE-WAIT", LastRecv: model.Some(int64(silent))}
			m.object(fmt.Sprintf("tcp:%d", i+1), model.TCP, d, held(5))
		}
		return m
	}
	running := func(m *machine) *machine {
		m.Waits = nil
		return m
	}
	server := func(backlog int64) *model.UnixDetail {
		return &model.UnixDetail{State: "listen", Path: "/s", Backlog: model.Some(backlog), BacklogMax: model.Some[int64](5)}
	}
	pages := func(used int64) model.Limit {
		return model.Limit{
			Name: pipePagesSoft, Kind: model.Pipe, Used: model.Some(used), Max: model.Some[int64](16384), Estimated: true,
			Scope: &model.LimitScope{UID: model.Some(1000)},
		}
	}
	of1000 := func(p *model.Process) { p.UID = model.Some(1000) }
	small := &model.PipeDetail{Capacity: model.Some[int64](8192)}

	for _, c := range []struct {
		rule, name, want string
		m                *machine
	}{
		{"orphan-sysv-shm", "creator gone", "info likely", newMachine().object("sysv-shm:1", model.SysvShm, shm(model.SysvShmDetail{}))},
		{"orphan-sysv-shm", "no key to find it by", "info certain", newMachine().object("sysv-shm:1", model.SysvShm, shm(model.SysvShmDetail{Key: privateKey}))},
		{"orphan-sysv-shm", "creator alive", "", newMachine().process(7).object("sysv-shm:1", model.SysvShm, shm(model.SysvShmDetail{}))},
		{"orphan-sysv-shm", "its pid is another's", "info likely", newMachine().process(7, young).object("sysv-shm:1", model.SysvShm, shm(model.SysvShmDetail{}))},
		{"orphan-sysv-shm", "creator not yet collected", "info likely", newMachine().process(7, func(p *model.Process) { p.State = "Z" }).
			object("sysv-shm:1", model.SysvShm, shm(model.SysvShmDetail{}))},
		{"orphan-sysv-shm", "creator perhaps hidden", "", newMachine().gap(hidesProcesses).object("sysv-shm:1", model.SysvShm, shm(model.SysvShmDetail{}))},
		{"orphan-sysv-shm", "creator gone, in a container", "info likely", newMachine().gap(ownNamespace).object("sysv-shm:1", model.SysvShm, shm(model.SysvShmDetail{}))},
		{"orphan-sysv-shm", "creator outside", "", newMachine().object("sysv-shm:1", model.SysvShm, shm(model.SysvShmDetail{CreatorPID: model.Some(0)}))},
		{"orphan-sysv-shm", "attached", "", newMachine().object("sysv-shm:1", model.SysvShm, shm(model.SysvShmDetail{Attached: model.Some[int64](1)}))},
		{"orphan-sysv-shm", "nothing known", "", newMachine().object("sysv-shm:1", model.SysvShm, &model.SysvShmDetail{})},

		{"orphan-sysv-msg", "sender gone", "info likely", newMachine().object("sysv-msg:1", model.SysvMsg, queue(before))},
		{"orphan-sysv-msg", "sender alive", "", newMachine().process(7).object("sysv-msg:1", model.SysvMsg, queue(before.Add(time.Minute)))},
		{"orphan-sysv-msg", "never used", "", newMachine().object("sysv-msg:1", model.SysvMsg, queue(time.Time{}))},
		{"orphan-sysv-msg", "somebody waits", "", newMachine().process(5).object("sysv-msg:1", model.SysvMsg, queue(before)).wait(wantsType(0, time.Minute))},

		{"orphan-sysv-sem", "all gone", "info likely", newMachine().object("sysv-sem:1", model.SysvSem, sems(7, 8))},
		{"orphan-sysv-sem", "one alive", "", newMachine().process(8).object("sysv-sem:1", model.SysvSem, sems(7, 8))},
		{"orphan-sysv-sem", "one untouched", "info likely", newMachine().object("sysv-sem:1", model.SysvSem, sems(7, 0))},
		{"orphan-sysv-sem", "one perhaps outside", "", newMachine().process(7, young).gap(hidesProcesses).object("sysv-sem:1", model.SysvSem, sems(7, 0))},
		{"orphan-sysv-sem", "all gone, in a container", "info likely", newMachine().gap(ownNamespace).object("sysv-sem:1", model.SysvSem, sems(7, 8))},
		{"orphan-sysv-sem", "one perhaps outside the container", "", newMachine().gap(ownNamespace).object("sysv-sem:1", model.SysvSem, sems(7, 0))},
		{"orphan-sysv-sem", "not readable", "", newMachine().object("sysv-sem:1", model.SysvSem, sems())},

		{"orphan-posix-shm", "nobody", "info likely", newMachine().object("posix-shm:0:1:1", model.PosixShm, &model.MemoryDetail{Modified: before})},
		{"orphan-posix-shm", "nobody visible", "info possible", newMachine().object("posix-shm:0:1:1", model.PosixShm, &model.MemoryDetail{}, incomplete)},
		{"orphan-posix-shm", "made just now", "", newMachine().object("posix-shm:0:1:1", model.PosixShm, &model.MemoryDetail{Modified: now})},
		{"orphan-posix-shm", "podman's lock", "", newMachine().object("posix-shm:0:1:1", model.PosixShm, &model.MemoryDetail{Modified: before}, func(o *model.Object) { o.Name = "/libpod_lock" })},
		{"orphan-posix-shm", "held", "", newMachine().object("posix-shm:0:1:1", model.PosixShm, &model.MemoryDetail{}, held(5))},
		{"orphan-posix-mq", "nobody", "info likely", newMachine().object("posix-mq:0:1:1", model.PosixMq, &model.PosixMqDetail{Notify: &model.MqNotify{}})},
		{"orphan-posix-mq", "somebody is to be told", "", newMachine().
			object("posix-mq:0:1:1", model.PosixMq, &model.PosixMqDetail{Notify: &model.MqNotify{Method: "signal"}})},
		{"orphan-posix-sem", "nobody", "info likely", newMachine().object("posix-sem:0:1:1", model.PosixSem, &model.PosixSemDetail{})},

		{"queue-full", "sender waits", "warning certain", newMachine().process(5).object("posix-mq:0:1:1", model.PosixMq, &model.PosixMqDetail{}, held(5)).wait(sends(time.Minute))},
		{"queue-full", "receivers perhaps hidden", "warning likely", newMachine().process(5).
			object("posix-mq:0:1:1", model.PosixMq, &model.PosixMqDetail{}, held(5), incomplete).wait(sends(time.Minute))},
		{"queue-full", "for a moment", "", newMachine().process(5).object("posix-mq:0:1:1", model.PosixMq, &model.PosixMqDetail{}, held(5)).wait(sends(time.Millisecond))},

		{"no-message-of-type", "others in it", "warning likely", newMachine().process(5).object("sysv-msg:1", model.SysvMsg, queue(before)).wait(wantsType(9, time.Minute))},
		{"no-message-of-type", "any type", "", newMachine().process(5).object("sysv-msg:1", model.SysvMsg, queue(before)).wait(wantsType(0, time.Minute))},
		{"no-message-of-type", "in use", "", newMachine().process(5).object("sysv-msg:1", model.SysvMsg, queue(now)).wait(wantsType(9, time.Minute))},
		{"no-message-of-type", "for a moment", "", newMachine().process(5).object("sysv-msg:1", model.SysvMsg, queue(before)).wait(wantsType(9, time.Millisecond))},

		{"backlog-full", "client blocked", "warning certain", newMachine().process(4).process(5).object("unix:1", model.Unix, server(6), held(4)).wait(connects(time.Minute))},
		{"backlog-full", "server busy, client blocked", "warning certain", running(newMachine().process(4)).process(5).object("unix:1", model.Unix, server(6), held(4)).wait(connects(time.Minute))},
		{"backlog-full", "server idle", "warning certain", newMachine().process(4).object("unix:1", model.Unix, server(6), held(4))},
		{"backlog-full", "server busy", "", running(newMachine().process(4)).object("unix:1", model.Unix, server(6), held(4))},
		{"backlog-full", "room for one", "", newMachine().process(4).object("unix:1", model.Unix, server(5), held(4))},
		{"backlog-full", "a burst", "", running(newMachine().process(4)).process(5).object("unix:1", model.Unix, server(6), held(4)).wait(connects(time.Millisecond))},

		{"inherited-listener", "left behind", "warning likely", newMachine().process(4, orphaned).object("tcp:1", model.TCP, listener(0, 5), held(4))},
		{"inherited-listener", "others perhaps hidden", "warning possible", newMachine().process(4, orphaned).object("tcp:1", model.TCP, listener(0, 5), held(4), incomplete)},
		{"inherited-listener", "its leader lives", "", newMachine().process(99).process(4, orphaned).object("tcp:1", model.TCP, listener(0, 5), held(4))},
		{"inherited-listener", "no session, its group's leader has another parent", "warning likely", newMachine().process(99, started).process(4, noSession).
			object("tcp:1", model.TCP, listener(0, 5), held(4))},
		{"inherited-listener", "no session, its group's leader has the same parent", "", newMachine().process(99).process(4, noSession).
			object("tcp:1", model.TCP, listener(0, 5), held(4))},
		{"inherited-listener", "leads a group of its own, as a shell's job does", "", newMachine().process(4, orphaned, func(p *model.Process) { p.PGID = 4 }).
			object("tcp:1", model.TCP, listener(0, 5), held(4))},
		{"inherited-listener", "accepts", "", newMachine().process(4, orphaned).object("tcp:1", model.TCP, listener(0, 5), held(4)).
			wait(model.Wait{PID: 4, Call: "accept4", Needs: "peer", Object: "tcp:1"})},
		{"inherited-listener", "one of two accepts", "", newMachine().process(4, orphaned).process(5, orphaned).object("tcp:1", model.TCP, listener(0, 5), held(4, 5)).
			wait(model.Wait{PID: 5, Call: "epoll_wait", Needs: "event", Objects: []string{"tcp:1"}})},
		{"inherited-listener", "watches what is not known", "", newMachine().process(4, orphaned).object("tcp:1", model.TCP, listener(0, 5), held(4)).
			wait(model.Wait{PID: 4, Call: "poll", Needs: "event"})},
		{"inherited-listener", "io_uring", "", newMachine().process(4, orphaned).object("tcp:1", model.TCP, listener(0, 5), held(4)).
			wait(model.Wait{PID: 4, Call: "io_uring_enter", Needs: "event"})},
		{"inherited-listener", "has accepted before", "", newMachine().process(4, orphaned).object("tcp:1", model.TCP, listener(0, 5), held(4)).
			object("tcp:2", model.TCP, &model.InetDetail{State: "ESTAB", Local: "127.0.0.1:80"}, held(4))},

		{"fd-in-flight", "parked", "info certain", newMachine().process(5).object("unix:1", model.Unix, &model.UnixDetail{InflightFDs: model.Some[int64](1)}, held(5))},
		{"fd-in-flight", "an end is missing", "warning possible", newMachine().process(5).process(6, func(p *model.Process) { p.PPID = 5 }).
			object("unix:1", model.Unix, &model.UnixDetail{InflightFDs: model.Some[int64](1)}, held(5)).object("pipe:1", model.Pipe, &model.PipeDetail{}).
			wait(model.Wait{PID: 6, Call: "read", Needs: "data", Object: "pipe:1"})},
		{"fd-in-flight", "a stranger's end is missing", "info certain", newMachine().process(5).process(6).
			object("unix:1", model.Unix, &model.UnixDetail{InflightFDs: model.Some[int64](1)}, held(5)).object("pipe:1", model.Pipe, &model.PipeDetail{}).
			wait(model.Wait{PID: 6, Call: "read", Needs: "data", Object: "pipe:1"})},
		{"fd-in-flight", "receiver works", "", running(newMachine().process(5).object("unix:1", model.Unix, &model.UnixDetail{InflightFDs: model.Some[int64](1)}, held(5)))},
		{"fd-in-flight", "none", "", newMachine().process(5).object("unix:1", model.Unix, &model.UnixDetail{InflightFDs: model.Some[int64](0)}, held(5))},

		{"close-wait", "a few", "info certain", closing(9, time.Second)},
		{"close-wait", "many", "warning certain", closing(10, time.Second)},
		{"close-wait", "process works", "", running(closing(10, time.Second))},
		{"close-wait", "process works, silent for long", "warning certain", running(closing(10, 2*time.Minute))},

		{"stopped-by-tty", "reads", "warning certain", newMachine().process(5, stopped("SIGTTIN"))},
		{"stopped-by-tty", "writes", "warning certain", newMachine().process(5, stopped("SIGTTOU"))},
		{"stopped-by-tty", "Ctrl-Z", "", newMachine().process(5, stopped("SIGTSTP"))},
		{"stopped-by-tty", "not told", "", newMachine().process(5, stopped(""))},

		{"term-signal-blocked", "blocked", "warning certain", newMachine().process(5, signals(termed))},
		{"term-signal-blocked", "not blocked", "", newMachine().process(5, signals(model.Signals{SharedPending: []string{"SIGTERM"}, Blocked: []string{"SIGHUP"}}))},
		{"term-signal-blocked", "another thread takes it", "", newMachine().
			process(5, signals(termed, model.Thread{TID: 6, State: "S", Signals: &model.Signals{Blocked: []string{}}}))},
		{"term-signal-blocked", "runs", "", running(newMachine().process(5, signals(termed)))},
		{"term-signal-blocked", "signalfd", "warning likely", newMachine().process(5, signals(termed)).
			object("signalfd:5.3", model.Signalfd, &model.SignalfdDetail{Signals: []string{"SIGTERM"}}, held(5))},
		{"term-signal-blocked", "a child ended", "", newMachine().process(5, signals(model.Signals{SharedPending: []string{"SIGCHLD"}, Blocked: []string{"SIGCHLD"}}))},

		{"limit-near", "four fifths", "warning certain", newMachine().limit(model.Limit{Name: "x", Used: model.Some[int64](80), Max: model.Some[int64](100)})},
		{"limit-near", "less", "", newMachine().limit(model.Limit{Name: "x", Used: model.Some[int64](79), Max: model.Some[int64](100)})},
		{"limit-near", "worked out", "warning likely", newMachine().limit(model.Limit{Name: "x", Used: model.Some[int64](80), Max: model.Some[int64](100), Estimated: true})},
		{"limit-near", "no bound", "", newMachine().limit(model.Limit{Name: "x", Used: model.Some[int64](80), Unlimited: true})},
		{"limit-near", "used unknown", "", newMachine().limit(model.Limit{Name: "x", Max: model.Some[int64](100)})},

		{"small-pipe", "past the limit", "warning likely", newMachine().process(5, of1000).limit(pages(16384)).object("pipe:1", model.Pipe, small, held(5))},
		{"small-pipe", "small on purpose", "", newMachine().process(5, of1000).limit(pages(100)).object("pipe:1", model.Pipe, small, held(5))},
		{"small-pipe", "another's", "", newMachine().process(5).limit(pages(16384)).object("pipe:1", model.Pipe, small, held(5))},
		{"small-pipe", "large", "", newMachine().process(5, of1000).limit(pages(16384)).object("pipe:1", model.Pipe, &model.PipeDetail{Capacity: model.Some[int64](65536)}, held(5))},

		{"stale-socket-path", "nobody's", "info certain", newMachine().object("unix:0:1:1", model.Unix, &model.UnixDetail{State: "stale", Path: "/s"})},
		{"stale-socket-path", "perhaps of another namespace", "info possible", newMachine().object("unix:0:1:1", model.Unix, &model.UnixDetail{State: "stale", Path: "/s"}, incomplete)},
		{"unreachable-listener", "replaced", "warning certain", newMachine().process(5).object("unix:1", model.Unix, &model.UnixDetail{State: "listen", Path: "/s", PathState: "other"}, held(5))},
		{"unreachable-listener", "removed", "info certain", newMachine().process(5).object("unix:1", model.Unix, &model.UnixDetail{State: "listen", Path: "/s", PathState: "nothing"}, held(5))},
		{"unreachable-listener", "its own", "", newMachine().process(5).object("unix:1", model.Unix, &model.UnixDetail{State: "listen", Path: "/s", PathState: "own"}, held(5))},
		{"unreachable-listener", "not told", "", newMachine().process(5).object("unix:1", model.Unix, &model.UnixDetail{State: "listen", Path: "/s"}, held(5))},

		{"open-permissions", "everyone's", "info certain", newMachine().object("sysv-shm:1", model.SysvShm, &model.SysvShmDetail{}, func(o *model.Object) { o.Mode = "0666" })},
		{"open-permissions", "everyone's to read", "", newMachine().object("sysv-shm:1", model.SysvShm, &model.SysvShmDetail{}, func(o *model.Object) { o.Mode = "0644" })},
		{"open-permissions", "a socket", "", newMachine().object("unix:1", model.Unix, &model.UnixDetail{}, func(o *model.Object) { o.Mode = "0777" })},
	} {
		var got []string
		for _, f := range c.m.found(c.rule) {
			got = append(got, string(f.Severity)+" "+string(f.Confidence))
			if i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == f.Rule }); f.Severity.Rank() < rules[i].Severity.Rank() {
				t.Errorf("%s, %s: %s is worse than the rule says of itself", c.rule, c.name, f.Severity)
			}
			if f.Confidence != model.Certain && len(f.LoweredBy) == 0 {
				t.Errorf("%s, %s: %s, and does not say why", c.rule, c.name, f.Confidence)
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s, %s: got %q, want %q", c.rule, c.name, got, c.want)
		}
	}
}

// TestAdviceForOtherNamespaces: commands for another namespace use a process in it.
func TestAdviceForOtherNamespaces(t *testing.T) {
	other := func(o *model.Object) { o.Namespace = &model.Namespace{Type: "ipc", Inode: 2} }
	m := newMachine().object("sysv-shm:1@2", model.SysvShm, shm(model.SysvShmDetail{}), sysv(1), other)
	if f := m.found("orphan-sysv-shm"); len(f) != 1 || len(f[0].Actions) != 0 {
		t.Errorf("nobody lives there: %+v", f)
	}
	m.process(40, func(p *model.Process) { p.Namespaces = map[string]uint64{"ipc": 2} })
	want := []string{"nsenter", "--ipc", "--target", "40", "ipcrm", "-m", "1"}
	if f := m.found("orphan-sysv-shm"); len(f) != 1 || len(f[0].Actions) != 1 || !slices.Equal(f[0].Actions[0].Argv, want) {
		t.Errorf("somebody does: %+v", f)
	}
}

// TestCloseWaitKeepsItsID: the number of sockets that a process forgets to close grows, but
// the finding stays the same one.
func TestCloseWaitKeepsItsID(t *testing.T) {
	id := ""
	for n := range 3 {
		m := newMachine().process(5)
		for i := range n + 1 {
			m.object(fmt.Sprintf("tcp:%d", i+1), model.TCP, &model.InetDetail{State: "CLOSE-WAIT"}, held(5))
		}
		f := m.found("close-wait")
		if len(f) != 1 || len(f[0].Objects) != n+1 || id != "" && f[0].ID != id {
			t.Fatalf("with %d sockets: %+v, before %s", n+1, f, id)
		}
		id = f[0].ID
	}
}

// TestLimitsHaveIDsOfTheirOwn: findings without objects have different ids: an id is the same
// only for the same thing.
func TestLimitsHaveIDsOfTheirOwn(t *testing.T) {
	near := func(name string, scope *model.LimitScope) model.Limit {
		return model.Limit{Name: name, Scope: scope, Used: model.Some[int64](9), Max: model.Some[int64](10)}
	}
	m := newMachine().process(5).limit(near("a", nil)).limit(near("b", nil)).limit(near("a", &model.LimitScope{NS: 3})).limit(near("a", &model.LimitScope{NS: 4})).
		limit(near("a", &model.LimitScope{UID: model.Some(0)})).limit(near("a", &model.LimitScope{PID: 5}))
	seen := map[string]bool{}
	for _, f := range m.found("limit-near") {
		if seen[f.ID] {
			t.Errorf("%s is there twice", f.ID)
		}
		seen[f.ID] = true
	}
	if len(seen) != 6 {
		t.Errorf("%d findings, want 6: %v", len(seen), seen)
	}
}

// The screen has a column for the names of rules.
func TestNamesOfRules(t *testing.T) {
	for _, r := range Rules() {
		if name := r.Name(); len(name) > 14 || len(strings.Fields(name)) > 3 || strings.Contains(name, "-") {
			t.Errorf("%s is called %q", r.ID, name)
		}
		if RuleName(r.ID) != r.Name() {
			t.Errorf("%s is called %q and %q", r.ID, r.Name(), RuleName(r.ID))
		}
	}
	if got := RuleName("of another version"); got != "of another version" {
		t.Error(got)
	}
}
