package graph

import (
	"path"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// inside are programs that can be asked what they wait for, by the name of their
// executable file. PID stands for the process.
var inside = []struct {
	programs []string
	ask      string
}{
	{
		[]string{"postgres", "postmaster"},
		"ask PostgreSQL: SELECT wait_event_type, wait_event, pg_blocking_pids(pid), query FROM pg_stat_activity WHERE pid = PID",
	},
	{[]string{"mysqld", "mariadbd"}, "ask the server: SHOW FULL PROCESSLIST, and SELECT * FROM sys.innodb_lock_waits"},
	{[]string{"redis-server", "valkey-server"}, "ask the server: redis-cli CLIENT LIST, and redis-cli SLOWLOG GET"},
	{[]string{"java"}, "jstack PID"},
	{[]string{"node", "nodejs"}, "kill -USR1 PID, then node inspect -p PID"},
}

// Inside says how to see inside a process, which the kernel does not show: a query
// that the server answers, or a command that prints the stacks of its threads.
func Inside(p *model.Process) string {
	name := programOf(p)
	pid := model.PIDNumber(p.PID)
	for _, i := range inside {
		if slices.Contains(i.programs, name) {
			return strings.ReplaceAll(i.ask, "PID", pid)
		}
	}
	switch {
	case p.Runtime == model.RuntimeJVM:
		return "jstack " + pid
	case p.Runtime == model.RuntimeGo:
		return "kill -QUIT " + pid + ", which prints the stacks of all goroutines and ends it"
	case python(name):
		return "py-spy dump -p " + pid
	}
	return "gdb -p " + pid + " -batch -ex 'thread apply all bt'"
}

// Inside says how to see inside the process at the end of a chain; "" if its state says
// enough, or if there is no process.
func (e *End) Inside() string {
	switch e.Kind {
	case Running, Idle, Asleep, Stuck:
		if e.Process != nil {
			return Inside(e.Process)
		}
	}
	return ""
}

// maxTitle limits how many characters of a title are shown: processes write it themselves.
const maxTitle = 80

// polling says how many descriptors a thread polls, when the first of its timers goes off, and
// what the process's title is.
func (g *Graph) polling(w *model.Wait) string {
	text := g.polls(w)
	if when := g.firstExpiry(g.watched(w.Objects).ids); when != "" {
		text += ", " + when
	}
	if p := g.Processes[w.PID]; p != nil && p.Title() != "" {
		title := []rune(p.Title())
		if len(title) > maxTitle {
			title = append(title[:maxTitle-1], '…')
		}
		text += ", its title is “" + string(title) + "”"
	}
	return text + unclear
}

// unclear is appended where a thread may wait for work or for another thread.
const unclear = "; may be idle or waiting inside the application"

// locksInside reports whether a process uses the locks of its language. Their futexes look the
// same whether a thread waits for work or for another thread to unlock something.
func locksInside(p *model.Process) bool {
	return p != nil && (p.Runtime == model.RuntimeJVM || python(programOf(p)))
}

// programOf returns the name of a process's executable file; its comm if the file is not known.
func programOf(p *model.Process) string {
	if p.Exe == "" {
		return p.Comm
	}
	return path.Base(strings.TrimSuffix(p.Exe, " (deleted)"))
}

func python(program string) bool {
	return strings.HasPrefix(program, "python") || strings.HasPrefix(program, "pypy")
}

// Unclear reports whether a thread may wait for work, but the kernel does not show what it
// really waits for: a set of descriptors, a futex of unknown type.
func (g *Graph) Unclear(w *model.Wait) bool {
	switch t := g.lockType(w); t {
	case "":
	case "cond", "sem":
		return locksInside(g.Processes[w.PID])
	default:
		return t == "unknown"
	}
	return w.Needs == model.NeedsEvent && g.Work(w)
}
