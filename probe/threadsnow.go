package probe

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
)

// ThreadNow is the state of a thread when all threads are sampled.
type ThreadNow struct {
	TID, PID   int32
	StartTicks uint64
	Runs       uint64        // how often it was put on a processor, as in its schedstat
	ExecStart  time.Duration // when it last ran, by the clock of its processor, as in its sched file
	Processor  int
	Timers     bool // its process may have POSIX timers

	// InCall says that the thread is blocked in a system call, and that the fields below are
	// known, as in its syscall file. Otherwise it runs, has ended, or waits outside of system
	// calls.
	InCall bool
	Number int
	Args   [6]uint64
	SP, PC uint64
}

// ThreadsNow are all threads of the machine as sampled at one time, except those of which
// only the proc file system can tell. nil has none.
type ThreadsNow struct {
	list []ThreadNow // by thread id
}

// SampleThreads samples all threads at once: it takes some 2 µs per thread. It returns nil if only
// the proc file system can tell.
func (idx *Index) SampleThreads(ctx context.Context) *ThreadsNow {
	f := idx.Scan.facts
	if f == nil {
		return nil
	}
	now := &ThreadsNow{list: make([]ThreadNow, 0, len(f.tasks)+16)}
	err := f.source.Tasks(bpf.TaskRuns, func(t *bpf.Task) {
		ended := t.State == 'Z' || t.State == 'X'
		if t.Runs == 0 || t.Kernel || !t.Call.Known && t.State != 'R' && !ended {
			return
		}
		n := ThreadNow{
			TID: int32(t.TID), PID: int32(t.PID), StartTicks: t.StartTicks, Runs: t.Runs, ExecStart: time.Duration(t.ExecStart), Processor: t.Processor,
			Timers: t.Timers,
		}
		if t.Call.Known && t.Call.Number >= 0 {
			n.InCall, n.Number, n.Args, n.SP, n.PC = true, int(t.Call.Number), t.Call.Args, t.Call.SP, t.Call.IP
		}
		now.list = append(now.list, n)
	})
	if err != nil {
		idx.Scan.scanner.opts.Log.LogAttrs(ctx, slog.LevelDebug, "eBPF: threads not looked at", slog.String("why", err.Error()))
		return nil
	}
	slices.SortFunc(now.list, func(a, b ThreadNow) int { return cmp.Compare(a.TID, b.TID) })
	return now
}

// Of returns a thread of a process; nil if it is not known, or if its number belongs to
// another process now.
func (now *ThreadsNow) Of(p *model.Process, tid int) *ThreadNow {
	if main := now.find(p.PID); main == nil || main.StartTicks != p.StartTicks {
		return nil
	}
	if t := now.find(tid); t != nil && int(t.PID) == p.PID {
		return t
	}
	return nil
}

func (now *ThreadsNow) find(tid int) *ThreadNow {
	if now == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(now.list, int32(tid), func(t ThreadNow, tid int32) int { return cmp.Compare(t.TID, tid) })
	if !ok {
		return nil
	}
	return &now.list[i]
}

// LinkNow returns where a descriptor of a process leads. That is known if the source told
// of it and no process with this descriptor table has run since.
func (idx *Index) LinkNow(now *ThreadsNow, p *model.Process, fd int) (link string, known bool) {
	f, pid := idx.Scan.facts, int32(p.PID)
	if f == nil || now == nil || !f.whole || len(f.own[pid]) > 0 {
		return "", false
	}
	x, stable := f.find(kcmp.Descriptor{Task: pid, FD: int32(fd)})
	if !stable {
		return "", false
	}
	for _, t := range p.AllThreads() {
		n, was := now.Of(p, t.TID), f.tasks[int32(t.TID)]
		if n == nil || was == nil || was.ticks != n.StartTicks || was.runCount != n.Runs {
			return "", false
		}
	}
	return string(f.linkOf(x)), true
}
