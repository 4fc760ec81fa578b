package waitstate

import (
	"slices"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// earlier is what the last scan's samples gave, and memory for those of the next. A thread that
// has not run since is in the call in which it was, about the same descriptors, and nothing of
// that need be read again but that it still has not run.
type earlier struct {
	sampled  map[int]sampled // by process
	runtimes runtimes
	index    *index          // nil: nothing may be taken from it
	numbers  map[int]numbers // by process

	// Nothing that a scan gives away points into these.
	spare   *index
	threads []*thread
	visits  []visited
}

// sampled is what the two samples of all threads of a process gave.
type sampled struct {
	ticks   uint64
	scan    int
	threads []*thread
	timers  model.Opt[int]
}

// visited is a process that was looked at, and whether all of its threads could be.
type visited struct {
	proc    *model.Process
	threads []*thread
	whole   bool
}

// cached lists the threads of a process as they were found earlier, which are this scan's from
// now on; false if they have to be looked at again.
func (e *earlier) cached(idx *probe.Index, p *model.Process) ([]*thread, bool) {
	l, ok := e.sampled[p.PID]
	if !ok || l.ticks != p.StartTicks || idx.Since(int32(p.PID)) > l.scan {
		return nil, false
	}
	for _, t := range l.threads {
		t.proc, t.known, t.same, t.asItWas, t.timers = p, true, false, false, l.timers
		for _, now := range p.AllThreads() {
			if now.TID == t.tid {
				t.comm, t.state = now.Comm, now.State
			}
		}
	}
	return l.threads, true
}

// keep keeps what the next scan may use. What others change while a thread
// waits is looked at each time: words in shared memory, sets of epoll, options of
// sockets, and how much is left of a time.
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
