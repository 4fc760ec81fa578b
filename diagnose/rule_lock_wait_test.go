package diagnose

import (
	"slices"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestTakingTurns says nothing of servers of which one has the lock and waits for
// connections, and tells it where anything of that is different.
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
		// The parents are those of a process that forks, and whose child forks.
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

// eofRange is the end of a lock that goes to the end of the file.
const eofRange = 1<<63 - 1
