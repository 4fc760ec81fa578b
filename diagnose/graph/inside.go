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

// Inside says how to see what a process does that the kernel does not show: a query
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

// Inside says how to see what the process does that a chain ends at; "" where its state
// says it, or where there is none.
func (e *End) Inside() string {
	switch e.Kind {
	case Running, Idle, Asleep, Stuck:
		if e.Process != nil {
			return Inside(e.Process)
		}
	}
	return ""
}

// maxTitle bounds how much of a title is shown: processes write it themselves.
const maxTitle = 80

// polling says of a thread that waits for events how many descriptors it polls, and
// what the process's title says.
func (g *Graph) polling(w *model.Wait) string {
	text := g.polls(w)
	if when := g.soonest(g.watched(w.Objects).ids); when != "" {
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

// unclear is what is to be said of a thread that waits for work, or for another one.
const unclear = "; may be idle or waiting inside the application"

// locksInside reports whether a process's locks are the language's own: what they are made
// of looks the same whether a thread waits for work or for another one to unlock something.
func locksInside(p *model.Process) bool {
	return p != nil && (p.Runtime == model.RuntimeJVM || python(programOf(p)))
}

// programOf is the name of a process's executable file, as far as is known.
func programOf(p *model.Process) string {
	if p.Exe == "" {
		return p.Comm
	}
	return path.Base(strings.TrimSuffix(p.Exe, " (deleted)"))
}

func python(program string) bool {
	return strings.HasPrefix(program, "python") || strings.HasPrefix(program, "pypy")
}

// Unclear reports whether a wait is one in which threads wait for work, but of which
// the kernel does not show what it is for: a set of descriptors, a futex of unknown type.
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
