package graph

import (
	"fmt"
	"math/rand"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// world is a machine that is small enough to try all its states. Each process has its own
// open file description of each file.
type world struct {
	process []int   // of each thread
	parent  []int   // of each process; -1: none
	readers [][]int // of each pipe: processes
	writers [][]int
	program [][]op // of each thread; nil: it may do anything
	mutexes int
	files   int
	handler []bool // by process: it catches a signal, whose handler posts its semaphore, and writes to a pipe of its own
	timer   []bool // by process: it has a timer, which interrupts whatever a thread waits for
}

// op is a step of a program.
type op struct {
	kind string // lock, unlock, shared, exclusive, release, read, write, wait, join, sem, post, sleep
	arg  int
}

// state is the changing part of a world. It consists of small arrays, so that it is comparable.
type state struct {
	at      [6]int8 // where in its program each thread is; done: it has ended
	free    [6]bool // it may do anything from now on
	ended   [4]bool // processes
	reaped  [4]bool
	born    [4]bool    // a child that was started since has ended and waits for its parent
	owner   [2]int8    // thread, -1
	flock   [2][4]int8 // by file and process: 0, 1 shared, 2 exclusive
	full    [3]bool    // a pipe has room for one item
	sem     [4]bool    // each process has a semaphore of its own
	stepped int8       // the thread whose step led to this state
}

const (
	done   = 100
	nobody = -1
)

func (w *world) start() state {
	var s state
	s.owner = [2]int8{-1, -1}
	return s
}

func (w *world) alive(s *state, pids []int) bool {
	return slices.ContainsFunc(pids, func(p int) bool { return !s.ended[p] })
}

// aloneWrites reports whether a process is the only one that can write to a pipe.
func (w *world) aloneWrites(s *state, p, pipe int) bool {
	return slices.Contains(w.writers[pipe], p) && !slices.ContainsFunc(w.writers[pipe], func(q int) bool { return q != p && !s.ended[q] })
}

// waitsAtSem reports whether a thread of a process waits at its semaphore; otherwise it
// need not be posted.
func (w *world) waitsAtSem(s *state, p int) bool {
	for t, q := range w.process {
		if op := w.next(s, t); q == p && !s.free[t] && op != nil && op.kind == "sem" {
			return true
		}
	}
	return false
}

// next returns a thread's next step; nil if it has none.
func (w *world) next(s *state, t int) *op {
	if s.at[t] == done || int(s.at[t]) >= len(w.program[t]) {
		return nil
	}
	return &w.program[t][s.at[t]]
}

// can reports whether a thread can take a step without blocking.
func (w *world) can(s *state, t int, o op) bool {
	p := w.process[t]
	switch o.kind {
	case "lock":
		return s.owner[o.arg] < 0
	case "shared", "exclusive":
		for q := range w.parent {
			if held := s.flock[o.arg][q]; q != p && (held == 2 || held == 1 && o.kind == "exclusive") {
				return false
			}
		}
	case "read":
		return s.full[o.arg] || !w.alive(s, w.writers[o.arg])
	case "write":
		return !s.full[o.arg]
	case "wait":
		if s.born[p] {
			return true
		}
		children := false
		for q, parent := range w.parent {
			if parent == p && !s.reaped[q] {
				children = true
				if s.ended[q] {
					return true
				}
			}
		}
		return !children
	case "join":
		return s.at[o.arg] == done
	case "sem":
		return s.sem[p]
	}
	return true
}

// do takes a step that does not block.
func (w *world) do(s *state, t int, o op) {
	p := w.process[t]
	switch o.kind {
	case "lock":
		s.owner[o.arg] = int8(t)
	case "unlock":
		if s.owner[o.arg] == int8(t) {
			s.owner[o.arg] = -1
		}
	case "shared":
		s.flock[o.arg][p] = 1
	case "exclusive":
		s.flock[o.arg][p] = 2
	case "release":
		s.flock[o.arg][p] = 0
	case "sem":
		s.sem[p] = false
	case "post":
		s.sem[p] = true
	case "read":
		s.full[o.arg] = false
	case "write":
		if !w.alive(s, w.readers[o.arg]) {
			w.exit(s, p) // SIGPIPE
			return
		}
		s.full[o.arg] = true
	case "wait":
		for q, parent := range w.parent {
			if parent == p && s.ended[q] && !s.reaped[q] {
				s.reaped[q] = true
				return
			}
		}
		s.born[p] = false
	}
}

// exit ends a process: its open file descriptions are closed, its mutexes stay locked.
func (w *world) exit(s *state, p int) {
	s.ended[p] = true
	for f := range w.files {
		s.flock[f][p] = 0
	}
	for t, q := range w.process {
		if q == p {
			s.at[t] = done
		}
	}
}

func (w *world) end(s *state, t int) {
	s.at[t] = done
	for u, q := range w.process {
		if q == w.process[t] && s.at[u] != done {
			return
		}
	}
	w.exit(s, w.process[t])
}

// successors returns the states to which one step of a thread leads, or a signal, which may
// come from outside at any time.
func (w *world) successors(s state) (list []state) {
	for p := range w.parent {
		if !w.handler[p] || s.ended[p] {
			continue
		}
		n := s
		n.stepped, n.sem[p] = nobody, s.sem[p] || w.waitsAtSem(&s, p)
		for t, o := range w.process {
			// A thread may wait at a pipe to which only the handler writes.
			if op := w.next(&s, t); o == p && !s.free[t] && op != nil && op.kind == "read" && w.aloneWrites(&s, p, op.arg) {
				n.full[op.arg] = true
			}
		}
		if n.sem != s.sem || n.full != s.full {
			list = append(list, n)
		}
	}
	for t := range w.process {
		if s.at[t] == done {
			continue
		}
		try := func(change func(*state)) {
			n := s
			n.stepped = int8(t)
			change(&n)
			list = append(list, n)
		}
		if s.free[t] {
			w.anything(&s, t, try)
			continue
		}
		o := w.next(&s, t)
		if o == nil {
			try(func(n *state) { w.end(n, t) })
			continue
		}
		if w.timer[w.process[t]] && !w.can(&s, t, *o) {
			try(func(n *state) { n.at[t]++ }) // EINTR
		}
		if w.can(&s, t, *o) {
			try(func(n *state) {
				n.at[t]++
				w.do(n, t, *o)
			})
		}
	}
	return list
}

// anything tries everything that a free thread may do for others.
func (w *world) anything(s *state, t int, try func(func(*state))) {
	p := w.process[t]
	try(func(n *state) { w.end(n, t) })
	try(func(n *state) { w.exit(n, p) })
	if !s.sem[p] && w.waitsAtSem(s, p) {
		try(func(n *state) { n.sem[p] = true })
	}
	if !s.born[p] {
		try(func(n *state) { n.born[p] = true })
	}
	for m := range w.mutexes {
		if s.owner[m] == int8(t) {
			try(func(n *state) { n.owner[m] = -1 })
		}
	}
	for f := range w.files {
		if s.flock[f][p] != 0 {
			try(func(n *state) { n.flock[f][p] = 0 })
		}
	}
	for i := range w.readers {
		if s.full[i] && slices.Contains(w.readers[i], p) {
			try(func(n *state) { n.full[i] = false })
		}
		if !s.full[i] && slices.Contains(w.writers[i], p) && w.alive(s, w.readers[i]) {
			try(func(n *state) { n.full[i] = true })
		}
	}
}

// runs returns which threads take a step in some reachable state, and which are ended by
// another thread of their process.
func (w *world) runs(s state) (ran, ended [6]bool) {
	s.stepped = nobody
	seen := map[state]bool{s: true}
	queue := []state{s}
	for len(queue) > 0 {
		at := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, n := range w.successors(at) {
			t := n.stepped
			n.stepped = nobody
			if t == nobody {
				if !seen[n] {
					seen[n] = true
					queue = append(queue, n)
				}
				continue
			}
			ran[t] = true
			for u := range w.process {
				ended[u] = ended[u] || u != int(t) && at.at[u] != done && n.at[u] == done
			}
			if n.at[t] != done && !n.free[t] && w.liberal() {
				n.free[t] = true
			}
			if !seen[n] {
				seen[n] = true
				queue = append(queue, n)
			}
		}
	}
	return ran, ended
}

// liberal reports whether threads may do anything once they run.
func (w *world) liberal() bool { return len(w.program) > len(w.process) }

// let returns the same world, in which every thread that is not blocked may do anything.
func (w *world) let(s state) (*world, state) {
	l := *w
	l.program = append(slices.Clone(w.program), nil)
	for t := range w.process {
		o := w.next(&s, t)
		s.free[t] = s.at[t] != done && (o == nil || w.can(&s, t, *o))
	}
	return &l, s
}

// somewhere returns a state that the programs reach within a few random steps.
func (w *world) somewhere(r *rand.Rand) state {
	s := w.start()
	for range r.Intn(25) {
		list := w.successors(s)
		if len(list) == 0 {
			break
		}
		s = list[r.Intn(len(list))]
	}
	return s
}

// randomWorld makes a world with up to three processes and five threads.
func randomWorld(r *rand.Rand) *world {
	w := &world{mutexes: 2, files: 2}
	for p := range 2 + r.Intn(2) {
		w.parent = append(w.parent, p-1)
		if p > 0 && r.Intn(2) == 0 {
			w.parent[p] = 0
		}
		w.handler, w.timer = append(w.handler, r.Intn(4) == 0), append(w.timer, r.Intn(8) == 0)
		for range 1 + r.Intn(2) {
			w.process = append(w.process, p)
		}
	}
	some := func() (list []int) {
		for p := range w.parent {
			if r.Intn(2) == 0 {
				list = append(list, p)
			}
		}
		return list
	}
	for range 3 {
		w.readers, w.writers = append(w.readers, some()), append(w.writers, some())
	}
	for t := range w.process {
		var program []op
		for range 3 + r.Intn(4) {
			program = append(program, w.randomOp(r, t))
		}
		w.program = append(w.program, program)
	}
	return w
}

func (w *world) randomOp(r *rand.Rand, t int) op {
	for {
		switch r.Intn(15) {
		case 0, 1, 2:
			return op{"lock", r.Intn(w.mutexes)}
		case 3:
			return op{"unlock", r.Intn(w.mutexes)}
		case 4:
			return op{"shared", r.Intn(w.files)}
		case 5:
			return op{"exclusive", r.Intn(w.files)}
		case 6:
			return op{"release", r.Intn(w.files)}
		case 7:
			if i := r.Intn(3); slices.Contains(w.readers[i], w.process[t]) {
				return op{"read", i}
			}
		case 8:
			if i := r.Intn(3); slices.Contains(w.writers[i], w.process[t]) {
				return op{"write", i}
			}
		case 9:
			return op{"wait", 0}
		case 10:
			if u := r.Intn(len(w.process)); u != t && w.process[u] == w.process[t] {
				return op{"join", u}
			}
		case 11, 12:
			return op{"sem", 0}
		case 13:
			return op{"post", 0}
		case 14:
			return op{"sleep", 0}
		}
	}
}

func tidOf(t int) int { return 1000 + t }

func pidOf(p int) int { return 100 + p }

// snapshot returns what a scan would show of a state.
func (w *world) snapshot(s *state) *model.Snapshot {
	snap := &model.Snapshot{Schema: model.Schema}
	for p, parent := range w.parent {
		m := &model.Process{PID: pidOf(p), PPID: pidOf(parent), Comm: fmt.Sprint("p", p), State: "S", Signals: &model.Signals{Caught: []string{}}}
		if parent < 0 {
			m.PPID = 1
		}
		if w.handler[p] {
			m.Signals.Caught = []string{"SIGUSR1"}
		}
		if w.timer[p] {
			m.Timers = model.Some(1)
		}
		for t, q := range w.process {
			if q == p && s.at[t] != done {
				m.ThreadList = append(m.ThreadList, model.Thread{TID: tidOf(t), Comm: m.Comm, State: "S"})
			}
		}
		m.Threads = len(m.ThreadList)
		if s.ended[p] {
			if s.reaped[p] {
				continue
			}
			m.State, m.Threads = "Z", 1
		}
		snap.Processes = append(snap.Processes, m)
	}
	for i := range w.readers {
		o := &model.Object{ID: fmt.Sprint("pipe:", i), Kind: model.Pipe, HoldersComplete: true, Detail: new(model.PipeDetail)}
		hold := func(list []int, access model.Access) {
			for _, p := range list {
				if !s.ended[p] {
					o.Holders = append(o.Holders, model.Holder{PID: int32(pidOf(p)), Via: model.ViaFD, FD: model.Some(int32(len(o.Holders))), Access: access})
				}
			}
		}
		hold(w.readers[i], model.Read)
		hold(w.writers[i], model.Write)
		snap.Objects = append(snap.Objects, o)
	}
	for f := range w.files {
		d := new(model.FileDetail)
		o := &model.Object{ID: fmt.Sprint("file:", f), Kind: model.File, HoldersComplete: true, Detail: d}
		for p := range w.parent {
			if mode := s.flock[f][p]; mode != 0 {
				l := model.Lock{Type: "flock", Mode: []string{"", "READ", "WRITE"}[mode], PID: model.Some(pidOf(p)), Holders: []int{pidOf(p)}}
				d.Locks = append(d.Locks, l)
				o.Holders = append(o.Holders, model.Holder{
					PID: int32(pidOf(p)), Via: model.ViaLock, FD: model.Some(int32(3)), LockHold: &model.LockHold{LockMode: l.Mode, Range: "0-EOF"},
				})
			}
		}
		snap.Objects = append(snap.Objects, o)
	}
	for m := range w.mutexes {
		d := &model.FutexDetail{Object: "shm", Offset: model.Some(int64(m)), Type: "mutex"}
		if t := s.owner[m]; t >= 0 {
			d.OwnerTID, d.OwnerAlive = model.Some(tidOf(int(t))), model.Some(s.at[t] != done)
		}
		snap.Objects = append(snap.Objects, &model.Object{ID: fmt.Sprint("futex:", m), Kind: model.Futex, HoldersComplete: true, Detail: d})
	}
	for p := range w.parent {
		snap.Objects = append(snap.Objects, &model.Object{
			ID: fmt.Sprint("sem:", p), Kind: model.Futex, HoldersComplete: true, Detail: &model.FutexDetail{Type: "sem"},
		})
	}
	for t := range w.process {
		if o := w.next(s, t); o != nil && (!w.can(s, t, *o) || o.kind == "sleep") {
			snap.Waits = append(snap.Waits, w.wait(t, *o))
		}
	}
	return snap
}

func (w *world) wait(t int, o op) model.Wait {
	m := model.Wait{
		PID: pidOf(w.process[t]), TID: tidOf(t), Confirmed: true, Timed: model.Some(false), BlockedFor: model.Some(int64(1)), Needs: model.NeedsLock,
		Target: new(model.Target),
	}
	switch o.kind {
	case "lock":
		m.Call, m.Object = "futex", fmt.Sprint("futex:", o.arg)
	case "shared", "exclusive":
		m.Call, m.Object = "flock", fmt.Sprint("file:", o.arg)
		m.Target.LockType, m.Target.Mode, m.Target.Range, m.Target.FD = "flock", "READ", "0-EOF", model.Some(3)
		if o.kind == "exclusive" {
			m.Target.Mode = "WRITE"
		}
	case "read":
		m.Call, m.Needs, m.Object = "read", model.NeedsData, fmt.Sprint("pipe:", o.arg)
	case "write":
		m.Call, m.Needs, m.Object = "write", model.NeedsSpace, fmt.Sprint("pipe:", o.arg)
	case "wait":
		m.Call, m.Needs = "wait4", model.NeedsChild
		m.Target.Child = model.Some(-1)
	case "sem":
		m.Call, m.Object = "futex", fmt.Sprint("sem:", w.process[t])
	case "sleep":
		m.Call, m.Needs, m.Timed = "nanosleep", model.NeedsTime, model.Some(true)
	case "join":
		// The futex word names the joined thread like an owner.
		m.Call, m.Object = "futex", fmt.Sprint("join:", o.arg)
	}
	return m
}
