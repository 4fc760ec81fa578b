package pipes

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// completePipes asks every pipe of a space how full it is. The kernel answers only
// processes that have the pipe open, so one descriptor is duplicated (pidfd_getfd(2)) for
// the microseconds that two ioctls take: while a duplicate of the last write end is open,
// its readers get no end of file.
//
// The kernel takes the pipe's mutex to answer. A thread that is blocked while it holds
// the mutex (on memory that userfaultfd provides, in splice(2) from a silent socket)
// blocks every process that asks, beyond the reach of SIGKILL. Three things protect
// ipctop: pipes that look blocked are not asked ([busyPipes]); the others are asked by
// another process ([pipeFills.askHelper]), or on guarded threads if there can be no such
// process; and a pipe on which something got stuck once is skipped.
func completePipes(ctx context.Context, idx *probe.Index, space *probe.KeySpace, memory *pipeMemory, out *probe.Collector) {
	if !idx.Scan.PIDCalls {
		out.Gap(model.Gap{Reason: model.Unsupported, Op: fillOp, Detail: "the proc file system belongs to another pid namespace"})
		return
	}
	f := &pipeFills{index: idx, out: out, helper: memory.helper}
	idx.UpdatePipes(ctx, idx.Among(space))
	pipes := memory.pipes[:0]
	for e := range idx.Among(space) {
		if !f.fillFromSource(e) && !fillUnchanged(idx, e) {
			pipes = append(pipes, e)
		}
	}
	defer clear(pipes)
	memory.pipes = pipes
	idx.ReadPipes(pipes)
	pipes = slices.DeleteFunc(pipes, f.fillFromSource)
	busy, written := busyPipes(idx, pipes, &memory.sleepers, idx.Scan.WaitsOnly())
	room := memory.questions
	memory.questions = questionRoom{}
	f.questions, f.asked = slices.Grow(room.questions[:0], len(pipes)), slices.Grow(room.asked[:0], len(pipes))
	holders := slices.Grow(room.holders[:0], 2*len(pipes))
	for _, e := range pipes {
		q := newPipeQuestion(idx, e, &holders)
		switch {
		case idx.Scan.WaitsOnly() && !written[e]:
		case busy[e.Key] != nil:
			f.settle(e, pipeAnswer{}, busy[e.Key])
		case idx.Skips(e, fillOp):
			f.settle(e, pipeAnswer{}, guard.ErrGivenUp)
		case len(q.holders) > 0:
			f.questions, f.asked = append(f.questions, q), append(f.asked, e)
		}
	}
	if f.askHelper(ctx) {
		clear(f.asked)
		memory.questions = questionRoom{f.questions, f.asked, holders}
	} else { // a thread that gets stuck may read them at any later time
		f.askHere(ctx)
	}
	if f.stoppable > 0 {
		out.Gap(model.Gap{Reason: model.Unsupported, Op: fillOp, Count: f.stoppable, Detail: probe.ErrQuota.Error()})
	}
	if f.unasked > 0 {
		out.Gap(model.Gap{Reason: model.Other, Op: fillOp, Count: f.unasked, Detail: f.lost.Error()})
	}
	if f.refused > 0 {
		out.Gap(model.Gap{
			Reason: model.Denied, Op: fillOp, Count: f.refused, Detail: "no right to duplicate a descriptor of any holder (pidfd_getfd)",
		})
	}
}

// pipeMemory is what is kept between scans.
type pipeMemory struct {
	pipes     []*probe.Entry // memory for the list of pipes to ask
	questions questionRoom
	sleepers  earlierSleepers
	helper    *helperCache
}

// questionRoom is memory for the questions of a scan.
type questionRoom struct {
	questions []pipeQuestion
	asked     []*probe.Entry
	holders   []descriptor
}

// fillOp is the name of the operation in gaps and for the guard.
const fillOp = "fill"

// pipeFills asks the pipes of one space.
type pipeFills struct {
	index     *probe.Index
	out       *probe.Collector
	questions []pipeQuestion
	asked     []*probe.Entry // the pipe of each question
	refused   int
	stoppable int   // not asked because of a quota
	unasked   int   // not asked because the helper was missing
	lost      error // why it was missing
	helper    *helperCache
}

// settle handles the answer for a pipe.
func (f *pipeFills) settle(e *probe.Entry, a pipeAnswer, err error) {
	if err == nil {
		f.set(e, model.Some(a.queued), model.Some(a.capacity))
		return
	}
	f.set(e, model.Opt[int64]{}, model.Opt[int64]{})
	switch {
	case proc.Gone(err), errors.Is(err, unix.EBADF):
		// The pipe was closed meanwhile.
	case proc.ReasonOf(err) == model.Denied:
		f.refused++
	case errors.Is(err, probe.ErrQuota):
		f.stoppable++
	case errors.Is(err, errHelperStopped), errors.Is(err, errHelperEnded):
		f.unasked++
		f.lost = err
	default:
		f.out.Gap(model.Gap{Reason: proc.ReasonOf(err), Object: e.Object.ID, Op: fillOp, Detail: err.Error()})
	}
}

// fillFromSource takes what the source knows of a pipe. If it reports true, the pipe need not be asked.
func (f *pipeFills) fillFromSource(e *probe.Entry) bool {
	p, known := f.index.Pipe(e)
	if !known || p.Queued < 0 {
		return false
	}
	f.set(e, model.Some(p.Queued), model.Some(p.Capacity))
	return true
}

// set sets how full a pipe is and, if the source tells, how many of its ends are open.
// Earlier snapshots keep their detail.
func (f *pipeFills) set(e *probe.Entry, queued, capacity model.Opt[int64]) {
	was, ok := e.Object.Detail.(*model.PipeDetail)
	if !ok {
		return
	}
	d := *was
	d.Queued, d.Capacity, d.Readers, d.Writers = queued, capacity, model.Opt[int64]{}, model.Opt[int64]{}
	if p, known := f.index.Pipe(e); known {
		d.Readers, d.Writers = model.Some(int64(p.Readers)), model.Some(int64(p.Writers))
	}
	if d == *was {
		return
	}
	changed := d
	o := e.OwnObject()
	o.Detail, o.Fill = &changed, model.NewRatio(queued, capacity)
}

// fillUnchanged reports whether a pipe is as full as in the last scan: to change that, a process
// that has an end of it must have run. If no process shows an end, anyone may have it: the
// kernel itself, for example (autofs(5)), or the receiver of a descriptor in flight.
func fillUnchanged(idx *probe.Index, e *probe.Entry) bool {
	d, ok := e.Object.Detail.(*model.PipeDetail)
	if !ok || !d.Queued.Known() || !idx.Unchanged(e) {
		return false
	}
	if _, known := idx.Pipe(e); known {
		return false // some process used it while it was looked at
	}
	read, write := false, false
	for i := range e.Holders {
		a := e.Holders[i].Access
		read, write = read || a.CanRead(), write || a.CanWrite()
	}
	return read && write
}

// askHere asks on threads of this process.
func (f *pipeFills) askHere(ctx context.Context) {
	questions := make(map[*probe.Entry]*pipeQuestion, len(f.asked))
	for i, e := range f.asked {
		questions[e] = &f.questions[i]
	}
	f.index.Each(f.asked, func(t *guard.Task, e *probe.Entry) func() {
		if ctx.Err() != nil {
			return nil
		}
		if !t.Begin(fillOp, 0) {
			return func() { f.settle(e, pipeAnswer{}, guard.ErrGivenUp) }
		}
		var p querier
		a := questions[e].query(&p)
		p.close()
		t.End()
		return func() { f.settle(e, a, a.err()) }
	})
}

// askHelper lets a helper process ask, if that is wanted and possible. If a user
// stops the helper, ipctop does not ask itself instead: the user could stop it just
// as well.
func (f *pipeFills) askHelper(ctx context.Context) bool {
	program := f.index.Scan.Helper()
	if program == "" || len(f.questions) == 0 {
		return program != ""
	}
	for {
		h, used, err := f.helper.get(program)
		if errors.Is(err, errHelperStopped) {
			f.settleRest(make([]bool, len(f.questions)), err)
			return true
		}
		if err != nil {
			f.out.Gap(model.Gap{Reason: proc.ReasonOf(err), Op: "start", Path: program, Detail: err.Error() + ": pipes are asked by ipctop itself"})
			return false
		}
		answered, answers, err := f.askThrough(ctx, h)
		if answers == 0 && used && ctx.Err() == nil {
			continue // it was ended since the last scan
		}
		if ctx.Err() == nil {
			f.settleRest(answered, err)
		}
		return true
	}
}

// settleRest handles the questions that were not answered.
func (f *pipeFills) settleRest(answered []bool, err error) {
	for i, ok := range answered {
		if !ok {
			f.settle(f.asked[i], pipeAnswer{}, cmp.Or(err, guard.ErrGivenUp))
		}
	}
}

// askThrough lets a helper ask, and returns which questions it answered.
func (f *pipeFills) askThrough(ctx context.Context, h *helper) (answered []bool, answers int, err error) {
	answered = make([]bool, len(f.questions))
	stuck := false
	err = h.ask(ctx, f.questions, func(i int, answer pipeAnswer) {
		answered[i] = true
		answers++
		f.settle(f.asked[i], answer, answer.err())
		if answer.status == statusStuck {
			stuck = true
			h.whenGone(f.index.MarkStuck(f.asked[i], fillOp))
		}
	})
	if err == nil && !stuck {
		f.helper.put(h)
	} else {
		h.end()
	}
	return answered, answers, err
}
