package probe

import (
	"sync"
	"time"
)

// Deadline is how long one operation on another process may take before it is
// given up and becomes a gap.
const Deadline = 500 * time.Millisecond

// maxLost is how many threads may be stuck in the kernel at a time before
// everything that might block is left alone.
const maxLost = 4

// guard runs work that may block in the kernel for ever, unkillably: reading
// the command line of a process whose memory lock is held, asking a pipe whose
// mutex a hung writer holds. A thread in such a call cannot be freed. What can
// be done is to stop waiting for it, to hand its work to another, and never to
// try that operation on that object again.
type guard struct {
	deadline time.Duration

	mu    sync.Mutex
	lost  int
	avoid map[avoidKey]bool
}

type avoidKey struct {
	item any
	op   string
	n    int32
}

func newGuard() *guard {
	return &guard{deadline: Deadline, avoid: map[avoidKey]bool{}}
}

// Task is the work on one item, under guard.
type Task struct {
	guard *guard
	item  any

	mu        sync.Mutex
	op        string // what it is in the middle of; "" if nothing that may block
	n         int32
	since     time.Time
	abandoned bool
}

// Enter begins an operation that may block; n tells several of one item apart
// (a descriptor number). It reports false if the operation must not be tried,
// because it once got stuck or because too many threads are lost. Leave ends it.
func (t *Task) Enter(op string, n int32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Work that was given up and came back after all is done by another now.
	if t.abandoned || t.guard.avoids(avoidKey{t.item, op, n}) {
		return false
	}
	t.op, t.n, t.since = op, n, time.Now()
	return true
}

// about says more exactly what the item is, before anything is entered: what is
// left alone must not be left alone for ever under a number that is given to
// another.
func (t *Task) about(item any) {
	t.mu.Lock()
	t.item = item
	t.mu.Unlock()
}

// Leave ends the operation begun by Enter.
func (t *Task) Leave() {
	t.mu.Lock()
	t.op = ""
	t.mu.Unlock()
}

func (g *guard) avoids(k avoidKey) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lost >= maxLost || g.avoid[k]
}

// abandon gives the task up if it has been in one operation for longer than the
// deadline, and remembers to leave that operation alone.
func (t *Task) abandon(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.op == "" || now.Sub(t.since) < t.guard.deadline {
		return false
	}
	t.abandoned = true
	t.guard.lose(avoidKey{t.item, t.op, t.n})
	return true
}

// lose notes that a thread, or a process that was to do it, is stuck in an
// operation. regain notes that it came back; the operation is left alone all
// the same.
func (g *guard) lose(k avoidKey) {
	g.mu.Lock()
	g.lost++
	g.avoid[k] = true
	g.mu.Unlock()
}

func (g *guard) regain() {
	g.mu.Lock()
	g.lost--
	g.mu.Unlock()
}

// each does work for every i below n on the given number of goroutines. An
// item whose work gets stuck is done again, without the operation that it got
// stuck in. commit, which work returns, runs only if the work was not given up,
// so whatever others read must be changed there.
func (g *guard) each(n, workers int, item func(i int) any, work func(t *Task, i int) (commit func())) {
	if n == 0 {
		return
	}
	r := &guardRun{guard: g, pending: n, total: n, item: item, work: work, done: make(chan struct{})}
	for range min(workers, n) {
		r.start()
	}
	tick := time.NewTicker(g.deadline / 5)
	defer tick.Stop()
	for {
		select {
		case <-r.done:
			return
		case now := <-tick.C:
			r.sweep(now)
		}
	}
}

// Guarded does work for every i below n, as [Joined.Each] does, in a program
// that makes no scan.
func Guarded(n, workers int, work func(t *Task, i int) (commit func())) {
	newGuard().each(n, workers, func(i int) any { return i }, work)
}

// guardRun is one call of each.
type guardRun struct {
	guard *guard
	total int
	item  func(int) any
	work  func(*Task, int) func()
	done  chan struct{}

	mu      sync.Mutex
	next    int
	again   []int
	pending int
	running []*guardWorker
}

type guardWorker struct {
	index int
	task  *Task // nil while it has no item
}

func (r *guardRun) start() {
	w := new(guardWorker)
	r.mu.Lock()
	r.running = append(r.running, w)
	r.mu.Unlock()
	go func() {
		for r.take(w) {
			commit := r.work(w.task, w.index)
			if !r.finish(w, commit) {
				return
			}
		}
	}()
}

// take gives w its next item.
func (r *guardRun) take(w *guardWorker) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.again) > 0:
		w.index = r.again[len(r.again)-1]
		r.again = r.again[:len(r.again)-1]
	case r.next < r.total:
		w.index = r.next
		r.next++
	default:
		return false
	}
	w.task = &Task{guard: r.guard, item: r.item(w.index)}
	return true
}

// finish commits w's item, unless it was given up meanwhile; then w ends.
func (r *guardRun) finish(w *guardWorker, commit func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.task.mu.Lock()
	abandoned := w.task.abandoned
	w.task.mu.Unlock()
	if abandoned {
		r.guard.regain()
		return false
	}
	if commit != nil {
		commit()
	}
	w.task = nil
	r.pending--
	if r.pending == 0 {
		close(r.done)
	}
	return true
}

// sweep replaces the workers that are stuck.
func (r *guardRun) sweep(now time.Time) {
	r.mu.Lock()
	var replace int
	for i, w := range r.running {
		if w == nil || w.task == nil || !w.task.abandon(now) {
			continue
		}
		r.running[i] = nil
		r.again = append(r.again, w.index)
		replace++
	}
	r.mu.Unlock()
	for range replace {
		r.start()
	}
}
