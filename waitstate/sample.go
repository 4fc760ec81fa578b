package waitstate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// thread is a thread that was blocked in the first sample.
type thread struct {
	proc  *model.Process
	tid   int
	comm  string
	state string
	line  syscallLine
	runs  model.Opt[uint64]
	table int32 // the descriptor table that it uses, see [probe.Scan.TableOf]
	*waiting

	// The result of the second sample.
	same bool // it is in the same call and has not run
	age  model.Opt[int64]
	link string // the link of the descriptor, of a wait on one

	exec      time.Duration // when it last ran, by the clock of a processor; 0 if that is not known
	processor int

	unchanged bool // the second sample is done, except for link

	known  bool           // it was found in the last scan, and has not run since
	timers model.Opt[int] // if known: the number of timers of its process

	monitor bool   // it is the Go runtime's monitor
	handler string // the signal whose handler it is running

	onSocket    bool            // it reads from a socket or writes to it
	socketTimed model.Opt[bool] // … which has a time limit
	kernel      string          // the part of the kernel that may add to the eventfd at which it waits
}

// pass is one scan's two samples.
type pass struct {
	j          *probe.Index
	out        *probe.Collector
	leaseWaits *leases // see [pass.leases]
	threads    []*thread
	second     *probe.ThreadsNow // the source's data for the second samples
	earlier    *earlier
	visits     []visited
	found      map[*model.Process]string // the runtimes of processes with several threads
	denied     bool                      // there are processes whose threads could not be read
	serving    map[uint64][]int          // processes that serve file systems, by connection
	outside    map[numberIn]int          // pids by their numbers in other pid namespaces; made on first use
	inside     map[uint64]map[int]bool   // see [pass.numbersInside]
	living     map[uint64][]string       // see [pass.processesByNamespace]
}

// firstSample finds the blocked threads.
func (r *pass) firstSample(ctx context.Context) {
	var list []*model.Process
	events := r.j.OfKind(model.Epoll, model.Fanotify, model.Userfaultfd)
	unread, asks, runtimes := unreadEpolls(events), findAsked(events), r.earlier.runtimes
	for _, p := range r.j.Processes {
		if p.Kernel || p.Self {
			continue
		}
		if threads, ok := r.earlier.cached(r.j, p); ok {
			r.threads = append(r.threads, threads...)
			if p.Runtime = runtimes[programOf(p)]; p.Threads > 1 {
				r.found[p] = p.Runtime
			}
			r.visits = append(r.visits, visited{p, threads, true})
			continue
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *model.Process) int { return a.PID - b.PID })
	var now *probe.ThreadsNow
	if len(list) > 0 {
		now = r.j.SampleThreads(ctx)
	}
	r.j.EachProcess(list, func(t *guard.Task, p *probe.Proc) func() {
		if ctx.Err() != nil {
			return nil
		}
		buf := lines.Get().(*[]byte)
		defer lines.Put(buf)
		v := visit{proc: p, task: t, now: now, mem: newMemory(p, t), sets: map[fdKey][]fdUse{}, unread: unread, asks: asks, buf: *buf}
		defer v.mem.close()
		v.process()
		runtime := v.runtime(runtimes)
		if runtime == model.RuntimeGo {
			v.markMonitorOf(p.Model)
		}
		return func() {
			if p.Model.Runtime = runtime; p.Model.Threads > 1 {
				r.found[p.Model] = runtime
			}
			r.threads = append(r.threads, v.threads...)
			r.visits = append(r.visits, visited{p.Model, v.threads, len(v.gaps) == 0})
			r.gaps(v.gaps)
		}
	}, r.unopened)
	slices.SortFunc(r.threads, func(a, b *thread) int {
		if a.proc != b.proc {
			return a.proc.PID - b.proc.PID
		}
		return a.tid - b.tid
	})
}

// gaps records what could not be read of a process.
func (r *pass) gaps(list []model.Gap) {
	for _, g := range list {
		r.denied = true
		r.out.Gap(g)
	}
}

func (r *pass) unopened(m *model.Process, err error) {
	r.gaps([]model.Gap{{Reason: proc.ReasonOf(err), PID: m.PID, Op: "open", Detail: err.Error()}})
}

// lines is a pool of buffers for reading the files of a thread.
var lines = sync.Pool{New: func() any {
	b := make([]byte, 0, 4096)
	return &b
}}

// visit is the first sample of one process.
type visit struct {
	proc    *probe.Proc
	task    *guard.Task
	now     *probe.ThreadsNow // the source's data about the threads; nil: none
	mem     *memory
	sets    map[fdKey][]fdUse
	unread  map[fdKey]bool
	asks    *asked
	class32 model.Opt[bool]
	classed bool // class32 is filled in
	buf     []byte
	threads []*thread
	gaps    []model.Gap
}

func (v *visit) process() {
	for _, t := range v.proc.Model.AllThreads() {
		if !v.thread(t.TID, t.Comm, t.State) {
			return
		}
	}
}

// thread samples one thread; false if it is no use to try the others. Stopped and traced
// threads are skipped: their state says enough.
func (v *visit) thread(tid int, comm, state string) bool {
	switch state {
	case "T", "t", "Z", "X":
		return true
	}
	line, seen, err := syscallLine{}, v.now.Of(v.proc.Model, tid), error(nil)
	if seen != nil {
		line = lineOf(seen)
	} else {
		line, err = v.read(tid)
	}
	switch {
	case err == nil:
	case proc.Gone(err):
		return true
	case proc.ReasonOf(err) == model.Malformed:
		v.gap(tid, err)
		return true
	default:
		v.gap(0, err)
		return false
	}
	c := caller{tid: tid, state: state, line: &line, proc: v.proc, task: v.task, mem: v.mem, sets: v.sets, unread: v.unread, asks: v.asks}
	if line.state != inCall {
		if line.state == outside && len(v.asks.faults) > 0 {
			if w := c.decodeAsked(""); w != nil {
				v.add(&thread{proc: v.proc.Model, tid: tid, comm: comm, state: state, line: line, waiting: w}, seen)
			}
		}
		return true
	}
	name := callNames[line.number]
	switch is32, known := v.is32Call(tid, &line).Get(); {
	case !known:
		v.gap(tid, errMaybe32)
		return true
	case is32 && line.number&x32 != 0:
		v.gap(tid, errX32)
		return true
	case is32:
		name = c.call32()
	}
	w := c.decodeAsked(name)
	if w == nil && name != "" {
		w = c.decode(name)
	}
	if w == nil {
		return true
	}
	t := &thread{proc: v.proc.Model, tid: tid, comm: comm, state: state, line: line, waiting: w}
	for i := range t.futexes {
		if err := c.locate(&t.futexes[i]); err != nil && !proc.Gone(err) {
			v.gap(tid, err)
		}
	}
	t.handler = v.inHandler(t, &line)
	v.add(t, seen)
	return true
}

// add adds a thread that waits; seen is the source's data about it, or nil.
func (v *visit) add(t *thread, seen *probe.ThreadNow) {
	// If the run count stays the same until the second sample, the thread is in the same call
	// all the time from when the count was read. The file contains only the count, so it must be
	// read after the call.
	if seen != nil {
		t.runs = model.Some(seen.Runs)
	} else {
		t.runs = runCount(v.proc, t.tid)
	}
	v.threads = append(v.threads, t)
}

func (v *visit) gap(tid int, err error) {
	v.gaps = append(v.gaps, model.Gap{
		Reason: proc.ReasonOf(err), PID: v.proc.Model.PID, TID: tid, Op: "read syscall", Detail: err.Error(),
	})
}

// lineOf converts the source's data about a thread into what the file syscall would show.
func lineOf(t *probe.ThreadNow) syscallLine {
	if !t.InCall {
		return syscallLine{state: outside}
	}
	return syscallLine{inCall, t.Number, t.Args, t.SP, t.PC}
}

// read reads a thread's syscall line.
func (v *visit) read(tid int) (syscallLine, error) {
	if !v.task.Begin("syscall", int32(tid)) { // waits for an exec that is under way
		return syscallLine{}, guard.ErrGivenUp
	}
	var err error
	v.buf, err = v.proc.Dir.ReadRecord("task/"+itoa(tid)+"/syscall", v.buf[:0])
	v.task.End()
	if err != nil {
		return syscallLine{}, err
	}
	l, err := parseSyscall(v.buf)
	if err != nil {
		return l, fmt.Errorf("%s/task/%d/%w", v.proc.Dir.Path(), tid, err)
	}
	if l.state == outside {
		return syscallLine{state: outside}, nil // without SP and PC, as in lineOf
	}
	return l, nil
}

var (
	errMaybe32 = fmt.Errorf("%w: it may be a 32-bit program, which has other system call numbers", errors.ErrUnsupported)
	errX32     = fmt.Errorf("%w: calls of the 32-bit ABI x32 are not decoded", errors.ErrUnsupported)
)

// class reports whether the process runs a 32-bit program; unknown if that cannot be
// determined.
func (v *visit) class() model.Opt[bool] {
	if !v.classed {
		v.classed = true
		b, err := v.proc.Dir.ReadFile("auxv", nil)
		if is, known := parseAuxv(b); known && err == nil {
			v.class32 = model.Some(is)
		}
	}
	return v.class32
}

func runCount(p *probe.Proc, tid int) model.Opt[uint64] {
	var buf [128]byte
	name := "schedstat"
	if tid != p.Model.PID {
		name = "task/" + itoa(tid) + "/schedstat"
	}
	b, err := p.Dir.ReadOften(name, buf[:0])
	if err != nil {
		return model.Opt[uint64]{}
	}
	n, err := parseSchedstat(b)
	if err != nil {
		return model.Opt[uint64]{}
	}
	return model.Some(n)
}

// secondSample finds out which threads are still in the same call and have not run, and for
// how long.
func (r *pass) secondSample(ctx context.Context) {
	byPID := map[int][]*thread{}
	var list []*model.Process
	var now *probe.ThreadsNow
	if len(r.threads) > 0 {
		now = r.j.SampleThreads(ctx) // after all first samples were taken
	}
	r.second = now
	for _, t := range r.threads {
		if n := now.Of(t.proc, t.tid); n != nil && t.sameAs(n) {
			if t.known {
				t.same = true
				continue
			}
			t.exec, t.processor = n.ExecStart, n.Processor
			fd, onFD := t.target.FD.Get()
			if onFD {
				t.link, t.same = r.j.LinkNow(now, t.proc, fd)
			}
			if t.same = t.same || !onFD; t.same {
				continue
			}
			t.unchanged = true // the link of its descriptor must still be read
		}
		if byPID[t.proc.PID] == nil {
			list = append(list, t.proc)
		}
		byPID[t.proc.PID] = append(byPID[t.proc.PID], t)
	}
	r.j.EachProcess(list, func(task *guard.Task, p *probe.Proc) func() {
		if ctx.Err() != nil {
			return nil
		}
		threads := byPID[p.Model.PID]
		seen := make([]thread, len(threads))
		buf := lines.Get().(*[]byte)
		defer lines.Put(buf)
		v := visit{proc: p, task: task, buf: *buf}
		for i, t := range threads {
			if seen[i] = r.secondVisit(&v, t); len(v.gaps) > 0 {
				break // it is no use to try the others
			}
		}
		return func() {
			for i, t := range threads {
				t.same, t.exec, t.processor, t.link = seen[i].same, seen[i].exec, seen[i].processor, seen[i].link
			}
			r.gaps(v.gaps)
		}
	}, r.unopened)
	r.ages()
}

// ages computes how long the threads have not run.
func (r *pass) ages() {
	var processors []int
	for _, t := range r.threads {
		if t.exec > 0 && !slices.Contains(processors, t.processor) {
			processors = append(processors, t.processor)
		}
	}
	clocks, err := readSchedClocks(processors)
	if err != nil {
		r.out.Fail("age", "", err)
	}
	for _, t := range r.threads {
		if age, ok := clocks.age(t.processor, t.exec); ok {
			t.age = model.Some(int64(age / time.Microsecond * time.Microsecond))
		}
	}
}

// sameAs reports whether, according to the source, a thread is still in the same call and has
// not run. If it returns false, the proc file system decides.
func (t *thread) sameAs(now *probe.ThreadNow) bool {
	runs, known := t.runs.Get()
	return known && runs == now.Runs && (t.known || lineOf(now) == t.line)
}

// secondVisit takes the second sample of a thread.
func (r *pass) secondVisit(v *visit, t *thread) (seen thread) {
	if !t.known && !t.unchanged {
		line, err := v.read(t.tid)
		if err != nil && !proc.Gone(err) {
			v.gap(0, err)
		}
		if err != nil || line != t.line {
			return seen
		}
		t.exec, t.processor = v.lastRun(t.tid)
	}
	seen.exec, seen.processor, seen.link = t.exec, t.processor, t.link
	if fd, ok := t.target.FD.Get(); ok && !t.known {
		seen.link, _ = v.proc.Dir.Readlink("task/" + itoa(t.tid) + "/fd/" + itoa(fd))
	}
	// The count comes last: if the thread has not run until now, everything above is consistent.
	first, known := t.runs.Get()
	second, known2 := runCount(v.proc, t.tid).Get()
	seen.same = known && known2 && first == second
	return seen
}

// lastRun returns when a thread last ran, by the clock of which processor; 0 if that is not
// known, or if the thread was moved to another processor and has not run there yet.
func (v *visit) lastRun(tid int) (exec time.Duration, processor int) {
	var err error
	if v.buf, err = v.proc.Dir.ReadRecord("task/"+itoa(tid)+"/stat", v.buf[:0]); err != nil {
		return 0, 0
	}
	if processor, err = parseProcessor(v.buf); err != nil {
		return 0, 0
	}
	if v.buf, err = v.proc.Dir.ReadRecord("task/"+itoa(tid)+"/sched", v.buf[:0]); err != nil {
		return 0, 0
	}
	if exec, err = parseSched(v.buf); err != nil {
		return 0, 0
	}
	return exec, processor
}
