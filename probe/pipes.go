package probe

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
)

// A pipe can be filled and emptied by holders that no process shows: by the kernel itself, or
// through a descriptor in flight. Once a source has told where a pipe is, looking at it again
// costs next to nothing, so all are looked at in each scan.

// knownPipe is what the source last told of a pipe or FIFO.
type knownPipe struct {
	bpf.Watched
	scan int // the scan in which it was so
}

// watchedPipes is reusable memory for asking about pipes in each scan.
type watchedPipes struct {
	states []bpf.Watched
	pipes  []*knownPipe
}

// Pipe returns the state of a pipe or FIFO in this scan; known is false if the source did
// not tell. See [Index.UpdatePipes].
func (idx *Index) Pipe(e *Entry) (p bpf.PipeState, known bool) {
	if e.pipe == nil || e.pipe.scan != idx.Scan.number {
		return p, false
	}
	return e.pipe.Pipe()
}

// UpdatePipes asks the source about pipes and FIFOs: those that it found while it read their
// holders' descriptors, and those that it told of in an earlier scan.
func (idx *Index) UpdatePipes(ctx context.Context, all iter.Seq[*Entry]) {
	f := idx.Scan.facts
	if f == nil {
		return
	}
	sc := idx.Scan.scanner
	states, pipes := sc.watched.states[:0], sc.watched.pipes[:0]
	f.pipesMu.Lock()
	for e := range all {
		if idx.pipeUnchanged(e) || !idx.notePipe(f, e) && e.pipe != nil && idx.heldSince(e, e.pipe.scan) {
			states, pipes = append(states, e.pipe.Watched), append(pipes, e.pipe)
		}
	}
	f.pipesMu.Unlock()
	if sc.opts.Repeated {
		sc.watched.states, sc.watched.pipes = states, pipes
	}
	err := f.source.Changed(states, func(i int, now bpf.Watched) {
		pipes[i].Watched = now // None: no longer a pipe, so nothing is known of it
	})
	if err != nil {
		sc.opts.Log.LogAttrs(ctx, slog.LevelDebug, "eBPF: pipes are not looked at", slog.String("why", err.Error()))
		return
	}
	for _, p := range pipes {
		p.scan = idx.Scan.number
	}
}

// notePipe takes what was told of a pipe together with the descriptors of a process. The
// caller holds f.pipesMu.
func (idx *Index) notePipe(f *facts, e *Entry) bool {
	w, ok := f.pipes[inode{e.Key.Scope, e.Key.Num}] // the key of a FIFO has the device, that of a pipe has none
	if ok {
		e.pipe = &knownPipe{w, idx.Scan.number}
	}
	return ok
}

// pipeUnchanged reports whether a pipe was looked at in the last scan and its holders have not
// changed since, which means that none of them has run. It gives the same answer as
// [Index.heldSince] for nearly all pipes, and costs less.
func (idx *Index) pipeUnchanged(e *Entry) bool {
	return e.pipe != nil && e.pipe.scan == idx.Scan.number-1 && int(e.freshIn) != idx.Scan.number && len(e.held) > 0
}

// heldSince reports whether some process has had e open all the time since a scan. A process
// that has not run since then, and whose descriptors are its own, cannot have closed it. So
// the object is still where it was.
func (idx *Index) heldSince(e *Entry, scan int) bool {
	return slices.ContainsFunc(e.Holders, func(h model.Holder) bool { return h.Via == model.ViaFD && idx.Since(h.PID) <= scan })
}

// ReadPipes asks the source about further pipes and FIFOs: it reads all descriptors of
// one holder of each.
func (idx *Index) ReadPipes(list []*Entry) {
	f := idx.Scan.facts
	if f == nil || f.whole {
		return
	}
	take := func(e *Entry) bool {
		f.pipesMu.Lock()
		defer f.pipesMu.Unlock()
		return idx.notePipe(f, e)
	}
	read := map[int32]bool{}
	for _, e := range list {
		i := slices.IndexFunc(e.Holders, func(h model.Holder) bool { return h.PID != 0 && h.Via == model.ViaFD })
		if take(e) || i < 0 || read[e.Holders[i].PID] {
			continue
		}
		pid := e.Holders[i].PID
		read[pid] = true
		err := f.source.FilesOf(int(pid), f.addPipe)
		if errors.Is(err, unix.EINVAL) {
			return // this kernel cannot
		}
		take(e)
	}
}
