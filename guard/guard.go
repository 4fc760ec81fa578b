package guard

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Deadline is how long one operation on another process may take before it is
// given up and becomes a gap.
const Deadline = 500 * time.Millisecond

// ErrGivenUp is returned for an operation that got stuck once, or if too many
// operations of the same user are stuck already.
var ErrGivenUp = fmt.Errorf("%w: did not answer; skipped", os.ErrDeadlineExceeded)

// Guard runs work that may block in the kernel for ever, unkillably: reading
// the command line of a process whose memory lock is held, asking a pipe whose
// mutex a hung writer holds. A thread in such a call cannot be freed. A Guard
// stops waiting for it, gives its work to another thread, and never tries that
// operation on that object again.
type Guard struct {
	deadline time.Duration
	log      *slog.Logger
	account  func(Owner) uint32

	mu           sync.Mutex
	fewer        sync.Cond // signals that slow has decreased, or that more are stuck
	stuckThreads counts
	slow         counts // operations under way that may be stuck
	skip         map[skipKey]bool
	stuck        map[any]int              // how many operations on an item have got stuck
	slowTime     map[uint32]time.Duration // time of slow operations in this round, by user

	// trouble is not 0 while anything is slow, and after anything got stuck. While
	// it is 0, the other fields need not be checked.
	trouble atomic.Int32
}

type skipKey struct {
	item any
	op   string
	n    int32
}

// newSkipKey makes the key of an operation. Operations that need a process's memory
// lock all get stuck together, so they have one key.
func newSkipKey(item any, op string, n int32) skipKey {
	switch op {
	case "cmdline", "maps", "memory", "pagemap":
		op, n = "memory lock", 0
	}
	return skipKey{item, op, n}
}

// plain reports whether the operation is one that every process answers at
// once, unless that process is stuck itself. Plain operations go on when others
// are skipped, so that processes do not disappear because four of them hang.
func (k skipKey) plain() bool {
	switch k.op {
	case "stat", "status", "thread status", "identity":
		return true
	}
	return false
}

// New makes a Guard that has given nothing up yet.
func New() *Guard {
	g := &Guard{
		deadline: Deadline, log: slog.New(slog.DiscardHandler), account: func(o Owner) uint32 { return o.UID },
		stuckThreads: newCounts(), slow: newCounts(), skip: map[skipKey]bool{}, stuck: map[any]int{}, slowTime: map[uint32]time.Duration{},
	}
	g.fewer.L = &g.mu
	return g
}

// WithLog sets a log that reports, at debug level, which operations are given up and
// which return later. It must be called before the guard is used.
func (g *Guard) WithLog(l *slog.Logger) *Guard {
	g.log = l
	return g
}

// WithAccounts sets a function that tells whose share an owner uses up; the default is the
// user. f must not block. WithAccounts must be called before the guard is used.
func (g *Guard) WithAccounts(f func(Owner) uint32) *Guard {
	g.account = f
	return g
}

// limit is how long an operation on an item may take. An item on which
// operations got stuck before gets less time each time, so that all of them
// together do not take much longer than one.
func (g *Guard) limit(item any) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.deadline >> (2 * min(g.stuck[item], 8))
}

// Task makes a task on an item for work that is not done by [Guard.Each]. Such work
// is never given up, but operations that must not be tried are skipped.
func (g *Guard) Task(item Item) *Task {
	return &Task{guard: g, clock: NewClock(g.deadline / slowFraction), item: item}
}

// Task is the guarded work on one item.
type Task struct {
	guard *Guard
	clock *Clock
	item  Item
	tid   int // the thread that does all of the work; 0: any

	mu       sync.Mutex
	doing    operation   // the operation under way; no op: none that may block
	outer    []operation // the operations that enclose doing
	slow     bool        // this task is counted in guard.slow
	timedOut bool        // the task was given up, in doing
}

// operation is an operation that may block.
type operation struct {
	skipKey
	owner Owner
	as    share         // the share that it is counted for; no kind: not known yet
	begun time.Duration // on the task's clock
	since time.Duration // when its thread was last seen moving; at first, begun
	limit time.Duration
	tid   int    // the thread that began it
	runs  string // see [threadMoved]
}

// Begin begins an operation that may block. n distinguishes operations on the same
// item (a descriptor number). Begin reports false if the operation must not be tried,
// because it got stuck once or because too many threads are stuck. End ends it.
// Operations can be nested: the time of the outer one stands still meanwhile.
func (t *Task) Begin(op string, n int32) bool {
	return t.begin(nil, op, n)
}

// BeginFor is Begin for an operation on another item than the task's.
func (t *Task) BeginFor(item Item, op string, n int32) bool { return t.begin(&item, op, n) }

func (t *Task) begin(other *Item, op string, n int32) bool {
	t.mu.Lock()
	item := t.item
	t.mu.Unlock()
	if other != nil {
		item = *other
	}
	k := newSkipKey(item.Key, op, n)
	trouble := t.guard.trouble.Load() != 0
	if trouble && !t.guard.allows(k, item.Owner) {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timedOut { // it was given up and returned after all: another worker does the work now
		return false
	}
	t.clearSlow()
	if t.doing.op != "" {
		t.outer = append(t.outer, t.doing)
	}
	now := t.clock.Now()
	t.doing = operation{skipKey: k, owner: item.Owner, begun: now, since: now, limit: t.guard.deadline, tid: t.tid}
	if t.tid == 0 {
		t.doing.tid = unix.Gettid()
	}
	if trouble {
		t.doing.limit = t.guard.limit(k.item)
	}
	return true
}

// SetItem identifies the item more precisely, before any operation is begun: an operation
// must not be skipped for ever because its item's number was reused.
func (t *Task) SetItem(item Item) {
	t.mu.Lock()
	t.item = item
	t.mu.Unlock()
}

// renew starts the task on another item, when the last one is done.
func (t *Task) renew(item Item) {
	t.mu.Lock()
	t.item, t.doing, t.outer, t.slow, t.timedOut = item, operation{}, t.outer[:0], false, false
	t.mu.Unlock()
}

// End ends the operation begun by the last Begin.
func (t *Task) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timedOut {
		return
	}
	t.clearSlow()
	t.doing = operation{}
	if n := len(t.outer) - 1; n >= 0 {
		t.doing, t.outer = t.outer[n], t.outer[:n]
		t.doing.begun = t.clock.Now()
		t.doing.since = t.doing.begun
	}
}

// TimedOut reports whether the work was given up. That can happen only during
// an operation.
func (t *Task) TimedOut() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.timedOut
}

// clearSlow notes that an operation that might have been stuck is not stuck, or was
// given up.
func (t *Task) clearSlow() {
	if !t.slow {
		return
	}
	t.slow = false
	g, s := t.guard, t.share()
	g.mu.Lock()
	g.slow.add(s, -1)
	g.trouble.Add(-1)
	if !t.timedOut {
		g.addSlow(s, t.clock.Now()-t.doing.begun)
	}
	g.fewer.Broadcast()
	g.mu.Unlock()
}

// share returns what the operation under way is counted for. It is determined once, so
// that the same count is decreased later.
func (t *Task) share() share {
	if t.doing.as.kind == "" {
		t.doing.as = share{t.guard.account(t.doing.owner), t.doing.op}
	}
	return t.doing.as
}

// allows reports whether an operation may be tried. If the slow operations would reach
// the limit of stuck ones, it waits: soon it will be known whether they are stuck.
func (g *Guard) allows(k skipKey, of Owner) bool {
	s := share{g.account(of), k.op}
	g.mu.Lock()
	defer g.mu.Unlock()
	for !k.plain() && !g.stuckThreads.full(s, 1, nil) && g.stuckThreads.full(s, 1, &g.slow) {
		g.fewer.Wait()
	}
	return !g.skips(k, s)
}

func (g *Guard) skips(k skipKey, s share) bool {
	if g.skip[k] {
		return true
	}
	if k.plain() {
		return g.stuckThreads.full(s, plainFactor, nil)
	}
	return g.stuckThreads.full(s, 1, nil) || g.slowTime[s.account] >= slowBudget*g.deadline
}

// timeOut gives the task up if it has been in one operation for longer than allowed,
// and has that operation skipped from then on. slow reports that the operation takes
// longer than one that is not stuck.
//
// Slow is not stuck: the clock stands still while ipctop does not run, and the
// operation gets more time while the thread that began it moves.
func (t *Task) timeOut(now time.Duration) (gaveUp, slow bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.doing.op == "" {
		return false, false
	}
	took, slowAfter := now-t.doing.since, t.guard.slowAfter()
	if took >= min(slowAfter, t.doing.limit) && threadMoved(t.doing.tid, &t.doing.runs) {
		t.doing.since, took = now, 0
	}
	if took >= t.doing.limit || now-t.doing.begun >= movingFactor*t.guard.deadline {
		t.timedOut = true
		t.guard.markStuck(t.doing.skipKey, t.share())
		t.clearSlow()
		return true, true
	}
	if took >= slowAfter && !t.slow {
		t.slow = true
		s := t.share()
		t.guard.mu.Lock()
		t.guard.slow.add(s, 1)
		t.guard.trouble.Add(1)
		t.guard.mu.Unlock()
	}
	return false, t.slow
}

// movingFactor is how many times the deadline an operation may take if its thread moves.
const movingFactor = 10

// slowFraction divides the deadline into check intervals: in each, operations are checked once
// for being stuck. If an operation is slow at the second check, other work goes on beside it, so
// that several operations get stuck at the same time and not one after the other.
const slowFraction = 25

// slowAfter is the time after which an operation is slow. It is longer than one check interval.
// Otherwise an operation that has just begun would count as slow, and another thread would be
// started for it.
func (g *Guard) slowAfter() time.Duration { return g.deadline / slowFraction * 3 / 2 }

// Skips reports whether an operation on an item must not be tried. It is
// [Task.Begin]'s check for work that is done elsewhere.
func (g *Guard) Skips(item Item, op string, n int32) bool {
	k := newSkipKey(item.Key, op, n)
	s := share{g.account(item.Owner), k.op}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.skips(k, s)
}

// MarkStuck has an operation on an item skipped from now on, because the thread or
// process that does it is stuck. The caller calls back if that ever returns; the
// operation is skipped all the same.
func (g *Guard) MarkStuck(item Item, op string, n int32) (back func()) {
	k := newSkipKey(item.Key, op, n)
	s := share{g.account(item.Owner), k.op}
	g.markStuck(k, s)
	return func() { g.recovered(s) }
}

func (g *Guard) markStuck(k skipKey, s share) {
	g.mu.Lock()
	g.stuckThreads.add(s, 1)
	n := g.stuckThreads.all
	g.skip[k] = true
	g.stuck[k.item]++
	g.trouble.Add(1)
	g.fewer.Broadcast()
	g.mu.Unlock()
	g.log.Debug("given up", "operation", k.op, "on", fmt.Sprintf("%+v", k.item), "number", k.n, "user", s.account, "stuck", n)
}

func (g *Guard) recovered(s share) {
	g.mu.Lock()
	g.stuckThreads.add(s, -1)
	n := g.stuckThreads.all
	g.fewer.Broadcast()
	g.mu.Unlock()
	g.log.Debug("came back", "user", s.account, "stuck", n)
}

// Each does work for every i below n on the given number of goroutines. If work
// gets stuck on an item, it is done again without the operation in which it got
// stuck. work must not use the task after it has returned. commit, which work
// returns, runs only if the work was not given up, so data that others read must be
// changed only there.
func (g *Guard) Each(n, workers int, item func(i int) Item, work func(t *Task, i int) (commit func())) {
	if n == 0 {
		return
	}
	r := &guardRun{guard: g, clock: NewClock(g.deadline / slowFraction), pending: n, total: n, workers: workers, item: item, work: work, done: make(chan struct{})}
	for range min(workers, n) {
		r.start()
	}
	tick := time.NewTicker(r.clock.period)
	defer tick.Stop()
	for {
		select {
		case <-r.done:
			return
		case <-tick.C:
			r.clock.Tick()
			r.sweep(r.clock.Now())
		}
	}
}

// guardRun is one call of Each.
type guardRun struct {
	guard   *Guard
	clock   *Clock
	total   int
	workers int
	item    func(int) Item
	work    func(*Task, int) func()
	done    chan struct{}

	mu      sync.Mutex
	next    int
	again   []int
	pending int
	running []*guardWorker
}

type guardWorker struct {
	index int
	task  *Task // nil while it has no item
	own   Task  // reused for one item after the other
	ended bool
}

func (r *guardRun) start() {
	w := &guardWorker{own: Task{guard: r.guard, clock: r.clock}}
	r.mu.Lock()
	r.running = append(r.running, w)
	r.mu.Unlock()
	go func() {
		// The thread that began an operation tells whether the operation moves.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		w.own.tid = unix.Gettid()
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
		w.ended = true
		return false
	}
	w.task = &w.own
	w.task.renew(r.item(w.index))
	return true
}

// finish commits w's item. If the item was given up meanwhile, w ends.
func (r *guardRun) finish(w *guardWorker, commit func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.task.mu.Lock()
	gaveUp, in := w.task.timedOut, w.task.doing.as
	w.task.mu.Unlock()
	if gaveUp {
		r.guard.recovered(in)
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

// sweep replaces stuck workers. Beside workers that may be stuck it starts one
// more at a time, until as many work as at the beginning.
func (r *guardRun) sweep(now time.Duration) {
	r.mu.Lock()
	atWork, start := 0, 0
	mayBeStuck := false
	for i, w := range r.running {
		switch {
		case w == nil || w.ended:
			continue
		case w.task == nil: // it takes its next item as soon as it gets time to run
			atWork++
			continue
		}
		switch gaveUp, slow := w.task.timeOut(now); {
		case gaveUp:
			r.running[i] = nil
			r.again = append(r.again, w.index)
			start++
		case slow:
			mayBeStuck = true
		default:
			atWork++
		}
	}
	if mayBeStuck && start == 0 {
		start = 1
	}
	start = min(start, r.workers-atWork, r.total-r.next+len(r.again))
	r.mu.Unlock()
	for range start {
		r.start()
	}
}
