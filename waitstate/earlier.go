package waitstate

import (
	"slices"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// earlier holds the results of the last scan's samples, and memory for the next scan. A thread that
// has not run since is still in the same call with the same descriptors. So only one thing must be
// read again: that it has not run.
type earlier struct {
	sampled  map[int]sampled // by process
	runtimes runtimes
	index    *index          // nil: nothing may be reused
	numbers  map[int]numbers // by process

	// No result of a scan points into these.
	spare   *index
	threads []*thread
	visits  []visited
}

// sampled is the result of the two samples of all threads of a process.
type sampled struct {
	ticks   uint64
	scan    int
	threads []*thread
	timers  model.Opt[int]
}

// visited is a process that was sampled; whole: all of its threads could be sampled.
type visited struct {
	proc    *model.Process
	threads []*thread
	whole   bool
}

// cached returns the threads of a process as the last scan found them, for use in this scan;
// false if they must be sampled again.
func (e *earlier) cached(idx *probe.Index, p *model.Process) ([]*thread, bool) {
	l, ok := e.sampled[p.PID]
	if !ok || l.ticks != p.StartTicks || idx.Since(int32(p.PID)) > l.scan {
		return nil, false
	}
	for _, t := range l.threads {
		t.proc, t.known, t.same, t.unchanged, t.timers = p, true, false, false, l.timers
		for _, now := range p.AllThreads() {
			if now.TID == t.tid {
				t.comm, t.state = now.Comm, now.State
			}
		}
	}
	return l.threads, true
}

// keep stores what the next scan may reuse. Not stored is what others can change while a
// thread waits: words in shared memory, epoll sets, socket options, and the remaining
// time of a limit.
func (r *pass) keep(x *index) {
	e := r.earlier
	clear(e.sampled)
	for _, v := range r.visits {
		cacheable := func(t *thread) bool {
			return t.same && len(t.futexes) == 0 && t.fifo == nil && t.target.Asked == "" && !t.set && !t.timed && !t.onSocket
		}
		if v.whole && !slices.ContainsFunc(v.threads, func(t *thread) bool { return !cacheable(t) }) {
			e.sampled[v.proc.PID] = sampled{v.proc.StartTicks, r.j.Number(), v.threads, v.proc.Timers}
		}
	}
	for pid, n := range e.numbers {
		if p := r.j.Processes[int32(pid)]; p == nil || p.StartTicks != n.ticks {
			delete(e.numbers, pid)
		}
	}
	e.runtimes = r.cacheRuntimes()
	if e.index, e.spare = x, e.index; !r.j.Scan.Repeated() {
		e.index = nil
	}
	clear(r.threads)
	clear(r.visits)
	e.threads, e.visits = r.threads[:0], r.visits[:0]
}
