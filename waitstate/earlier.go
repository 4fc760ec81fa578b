package waitstate

import (
	"slices"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// earlier is what the samples of the last scan gave, by process. A thread that has not run
// since is in the call in which it was, about the same descriptors, and nothing of
// that need be read again but that it still has not run.
type earlier map[int]*sampled

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

// cached lists the threads of a process as they were found earlier; false if
// they have to be looked at again.
func (e earlier) cached(idx *probe.Index, p *model.Process) ([]*thread, bool) {
	l := e[p.PID]
	if l == nil || l.ticks != p.StartTicks || idx.Since(int32(p.PID)) > l.scan {
		return nil, false
	}
	list := make([]*thread, 0, len(l.threads))
	for _, t := range l.threads {
		again := *t
		again.proc, again.known, again.same, again.asItWas, again.timers = p, true, false, false, l.timers
		for _, now := range p.AllThreads() {
			if now.TID == t.tid {
				again.comm, again.state = now.Comm, now.State
			}
		}
		list = append(list, &again)
	}
	return list, true
}

// cache makes what the next scan may use. What others change while a thread
// waits is looked at each time: words in shared memory, sets of epoll, options of
// sockets, and how much is left of a time.
func (r *pass) cache() earlier {
	e := earlier{}
	for _, v := range r.visits {
		cacheable := func(t *thread) bool {
			return t.same && len(t.futexes) == 0 && t.fifo == nil && !t.set && !t.timed && !t.onSocket
		}
		if v.whole && !slices.ContainsFunc(v.threads, func(t *thread) bool { return !cacheable(t) }) {
			e[v.proc.PID] = &sampled{v.proc.StartTicks, r.j.Number(), v.threads, v.proc.Timers}
		}
	}
	return e
}
