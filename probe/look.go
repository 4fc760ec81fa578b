package probe

import (
	"context"
	"log/slog"
	"time"

	"github.com/ipctop/ipctop/bpf"
)

// ThreadNow is a thread as it is when it is looked at again.
type ThreadNow struct {
	PID       int32
	Runs      uint64        // how often it was put on a processor, as in its schedstat
	ExecStart time.Duration // when it ran last, by the clock of a processor, as in its sched
	Processor int

	// InCall says that it is blocked in a system call, and that the rest is known, which is as
	// in its syscall.
	InCall bool
	Number int
	Args   [6]uint64
	SP, PC uint64
}

// LookAgain tells what some threads are at now, of all at once: some 2 µs for each thread of
// the machine. It is empty where nothing but the proc file system can tell.
func (idx *Index) LookAgain(ctx context.Context, threads map[int]bool) map[int]ThreadNow {
	f := idx.Scan.facts
	if f == nil || len(threads) == 0 {
		return nil
	}
	found := make(map[int]ThreadNow, len(threads))
	err := f.source.Tasks(func(t *bpf.Task) {
		if !threads[t.TID] || t.Runs == 0 {
			return
		}
		now := ThreadNow{PID: int32(t.PID), Runs: t.Runs, ExecStart: time.Duration(t.ExecStart), Processor: t.Processor}
		if t.Call.Known && t.Call.Number >= 0 {
			now.InCall, now.Number, now.Args, now.SP, now.PC = true, int(t.Call.Number), t.Call.Args, t.Call.SP, t.Call.IP
		}
		found[t.TID] = now
	})
	if err != nil {
		idx.Scan.scanner.opts.Log.LogAttrs(ctx, slog.LevelDebug, "eBPF: threads not looked at again", slog.String("why", err.Error()))
		return nil
	}
	return found
}
