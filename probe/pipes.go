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

// A pipe is filled and emptied by whoever has it open, and that may be somebody of whom
// nobody knows: the kernel itself, or who has yet to receive it. A source that has told where
// a pipe is looks at it again for next to nothing, so all are looked at in each scan.

// knownPipe is what the source told of a pipe or FIFO last.
type knownPipe struct {
	bpf.Watched
	scan int // in which it was so
}

// watchedPipes are room for what is asked of pipes in each scan.
type watchedPipes struct {
	there []bpf.Watched
	of    []*knownPipe
}

// Pipe is what a pipe or FIFO is like in this scan; known is false where the source did not
// tell. See [Index.LookAtPipes].
func (idx *Index) Pipe(e *Entry) (p bpf.PipeState, known bool) {
	if e.pipe == nil || e.pipe.scan != idx.Scan.number {
		return p, false
	}
	return e.pipe.Pipe()
}

// LookAtPipes has the source tell of pipes and FIFOs: those that it came upon as it read the
// descriptors of who has them, and those that it has told of in an earlier scan.
func (idx *Index) LookAtPipes(ctx context.Context, all iter.Seq[*Entry]) {
	f := idx.Scan.facts
	if f == nil {
		return
	}
	sc := idx.Scan.scanner
	there, of := sc.watched.there[:0], sc.watched.of[:0]
	f.pipesMu.Lock()
	for e := range all {
		if idx.asItWas(e) || !idx.takePipe(f, e) && e.pipe != nil && idx.keptOpen(e, e.pipe.scan) {
			there, of = append(there, e.pipe.Watched), append(of, e.pipe)
		}
	}
	f.pipesMu.Unlock()
	if sc.opts.Repeated {
		sc.watched.there, sc.watched.of = there, of
	}
	err := f.source.Changed(there, func(i int, now bpf.Watched) {
		of[i].Watched = now // None is no pipe, so that nothing is known of it
	})
	if err != nil {
		sc.opts.Log.LogAttrs(ctx, slog.LevelDebug, "eBPF: pipes are not looked at", slog.String("why", err.Error()))
		return
	}
	for _, p := range of {
		p.scan = idx.Scan.number
	}
}

// takePipe takes what was told of a pipe with the descriptors of a process. The caller has
// f.pipesMu.
func (idx *Index) takePipe(f *facts, e *Entry) bool {
	w, ok := f.pipes[inode{e.Key.Scope, e.Key.Num}] // the key of a FIFO has the device, that of a pipe has none
	if ok {
		e.pipe = &knownPipe{w, idx.Scan.number}
	}
	return ok
}

// asItWas reports whether a pipe was looked at in the last scan, and those who have it are the
// same since: then none of them has run. It is [Index.keptOpen] for nearly all, at less cost.
func (idx *Index) asItWas(e *Entry) bool {
	return e.pipe != nil && e.pipe.scan == idx.Scan.number-1 && int(e.freshIn) != idx.Scan.number && len(e.held) > 0
}

// keptOpen reports whether somebody has had e open all the time since a scan: a process that
// has not run since then, whose descriptors are its own, cannot have closed it. So it still is
// where it was.
func (idx *Index) keptOpen(e *Entry, scan int) bool {
	return slices.ContainsFunc(e.Holders, func(h model.Holder) bool { return h.Via == model.ViaFD && idx.Since(h.PID) <= scan })
}

// ReadPipes has the source tell of other pipes and FIFOs: it reads all descriptors of one
// holder of each.
func (idx *Index) ReadPipes(list []*Entry) {
	f := idx.Scan.facts
	if f == nil || f.whole {
		return
	}
	take := func(e *Entry) bool {
		f.pipesMu.Lock()
		defer f.pipesMu.Unlock()
		return idx.takePipe(f, e)
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
			return // not in this kernel
		}
		take(e)
	}
}
