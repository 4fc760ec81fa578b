package waitstate

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
	"github.com/ipctop/ipctop/waitstate/pthread"
)

// words are the futexes that threads wait at. They are numbered as they come:
// what tells them apart is their id.
var words = &probe.KeySpace{Name: "futex"}

// Flags of a futex's holders.
const (
	flagWaiter = "waiter"
	flagOwner  = "owner"
)

// word is a futex with all that wait at it.
type word struct {
	id      string
	parent  *probe.Entry
	shared  bool
	offset  uint64
	waiters []wordWaiter
	object  *model.Object

	lock      pthread.Lock
	owner     model.Opt[int]
	pid       int  // the owner's process
	inherited bool // the owner is of a process that this one was forked from
}

type wordWaiter struct {
	thread *thread
	futex  *futexWait
}

// futexes makes an object of every word that a thread waits at.
func (r *pass) futexes(x *index) {
	byID := map[string]*word{}
	var list []*word
	for _, t := range r.threads {
		for i := range t.futexes {
			f := &t.futexes[i]
			if !f.located {
				continue
			}
			w := x.identity(t, f)
			if known := byID[w.id]; known != nil {
				w = known
			} else {
				byID[w.id] = w
				list = append(list, w)
			}
			w.waiters = append(w.waiters, wordWaiter{t, f})
			f.word = w
		}
	}
	for i, w := range list {
		w.recognise(x)
		w.findOwner(r, x)
		w.describe(r, x)
		e := r.j.Add(probe.Key{Space: words, Num: uint64(i)}, w.object, w.holders(x)...)
		// A lock held by nobody knows who is not complete; nor is one where
		// threads that might wait could not be read.
		_, owned := w.owner.Get()
		e.Complete = model.Some(!(r.denied && w.shared) && (owned || !w.lock.Type.HasOwner()))
	}
}

// identity names the word: by the memory that it is in and its place there, which
// all processes that share it agree on, or by its address in its process.
func (x *index) identity(t *thread, f *futexWait) *word {
	w := &word{shared: f.shared, offset: f.offset}
	switch {
	case !f.shared:
		w.id = "futex:" + itoa(t.proc.PID) + ":" + model.Addr(f.addr).String()
		return w
	default:
		if s := x.word(int32(t.proc.PID), f.addr); s != nil {
			w.parent = s.parent
		}
	}
	place := "+" + strconv.FormatUint(f.offset, 10)
	switch {
	case w.parent != nil:
		w.id = "futex:" + w.parent.Object.ID + place
	case f.ambiguous:
		// A System V segment's number says nothing without its namespace.
		w.id = "futex:" + itoa(t.proc.PID) + ":" + model.Addr(f.addr).String()
	default:
		w.id = "futex:" + proc.DevString(f.dev) + ":" + strconv.FormatUint(f.ino, 10) + place
	}
	return w
}

// recognise asks each waiter's view of the word; they see the same memory, but
// not all of them may be allowed to be read, nor at a time when all fields fit.
func (w *word) recognise(x *index) {
	for _, waiter := range w.waiters {
		if !waiter.futex.read {
			continue
		}
		pid := waiter.thread.proc.PID
		w.lock = pthread.Identify(waiter.futex.wait, func(tid int) bool {
			p := x.threads[tid]
			return p != nil && p.PID == pid && tid != waiter.thread.tid
		})
		if w.lock.Type != pthread.Unknown {
			return
		}
	}
}

// findOwner finds the thread that the word names. Its number is of the pid
// namespace it lives in, which need not be ipctop's.
func (w *word) findOwner(r *pass, x *index) {
	tid := w.lock.Owner
	if tid == 0 {
		return
	}
	t := w.waiters[0].thread
	p := x.threads[tid]
	if len(t.proc.NSPIDs) > 0 || w.foreign(r) {
		p = nil
		for _, q := range r.j.Processes {
			if n := len(q.NSPIDs); n > 0 && q.NSPIDs[n-1] == tid && q.Namespaces["pid"] == t.proc.Namespaces["pid"] && w.maps(q.PID) {
				p, tid = q, q.PID
			}
		}
		if p == nil {
			return // or it has ended: which cannot be told
		}
	}
	if p != nil && !w.maps(p.PID) && !(w.shared && x.ended(tid)) { // one that has ended maps nothing any more
		if w.shared || !r.descends(t.proc, p) {
			return // a number from another namespace, or not a lock at all
		}
		w.inherited = true
	}
	w.owner = model.Some(tid)
	if p != nil {
		w.pid = p.PID
	}
}

// descends reports whether a process was forked by another one, or by one that was.
// What it has in private memory and did not write since it has from there: an exec
// would have given it new memory.
func (r *pass) descends(p, from *model.Process) bool {
	for steps := 0; p != nil && steps < 64; steps++ {
		if p.PPID == from.PID {
			return true
		}
		p = r.j.Processes[int32(p.PPID)]
	}
	return false
}

// foreign reports whether a process of another pid namespace maps the word.
func (w *word) foreign(r *pass) bool {
	if w.parent == nil {
		return false
	}
	for i := range w.parent.Holders {
		if p := r.j.Processes[w.parent.Holders[i].PID]; p != nil && len(p.NSPIDs) > 0 {
			return true
		}
	}
	return false
}

// maps reports whether a process can reach the word, as far as is known.
func (w *word) maps(pid int) bool {
	for _, waiter := range w.waiters {
		if waiter.thread.proc.PID == pid {
			return true
		}
	}
	if !w.shared {
		return false
	}
	if w.parent == nil {
		return true // nobody says who maps it
	}
	for i := range w.parent.Holders {
		if h := &w.parent.Holders[i]; int(h.PID) == pid && (h.Via == model.ViaMap || h.Via == model.ViaAttach) {
			return true
		}
	}
	return false
}

func (w *word) describe(r *pass, x *index) {
	d := &model.FutexDetail{
		Libc: w.lock.Libc, Type: string(w.lock.Type), OwnerTID: w.owner, Inherited: w.inherited, OwnerDied: w.lock.Died, Waiters: model.Some(len(w.waiters)),
	}
	if w.shared {
		d.Offset = model.Some(clampInt64(w.offset))
	}
	w.object = &model.Object{ID: w.id, Kind: model.Futex, Detail: d}
	if w.parent != nil {
		d.Object = w.parent.Object.ID
		if w.parent.Object.Name != "" {
			w.object.Name = w.parent.Object.Name + "+" + strconv.FormatUint(w.offset, 10)
		}
		w.object.Namespace = w.parent.Object.Namespace
	}
	if tid, ok := w.owner.Get(); ok {
		if w.pid != 0 {
			d.OwnerPID = model.Some(w.pid)
		}
		d.OwnerAlive = r.alive(x, tid)
	}
}

// alive reports whether a thread exists. One that was not there when the processes
// were read may have begun since.
func (r *pass) alive(x *index, tid int) model.Opt[bool] {
	if x.threads[tid] != nil {
		return model.Some(!x.ended(tid))
	}
	status, err := os.ReadFile(filepath.Join(r.j.Scan.ProcRoot, itoa(tid), "status"))
	switch {
	case err == nil:
		state, ok := proc.StatusField(status, "State")
		return model.Some(ok && !bytes.HasPrefix(state, []byte("Z")) && !bytes.HasPrefix(state, []byte("X")))
	case proc.Gone(err) && !errors.Is(err, os.ErrPermission) && r.j.Scan.PIDCalls && !r.hidden():
		return model.Some(false)
	}
	return model.Opt[bool]{}
}

// ended reports whether a thread is known to have ended: nobody has collected it yet.
func (x *index) ended(tid int) bool { return x.states[tid] == "Z" || x.states[tid] == "X" }

// hidden reports whether the proc file system hides other users' processes
// (hidepid, proc(5)): then one that is not there may well exist.
func (r *pass) hidden() bool {
	_, err := os.Stat(filepath.Join(r.j.Scan.ProcRoot, "1", "stat"))
	return err != nil
}

func (w *word) holders(x *index) []model.Holder {
	var list []model.Holder
	for _, waiter := range w.waiters {
		t := waiter.thread
		list = append(list, model.Holder{
			PID: int32(t.proc.PID), TID: int32(t.tid), Comm: t.proc.Comm, Via: model.ViaMap,
			Extent: &model.Extent{Address: model.Addr(waiter.futex.addr), Flags: []string{flagWaiter}},
		})
	}
	if tid, ok := w.owner.Get(); ok && w.pid != 0 {
		list = append(list, model.Holder{
			PID: int32(w.pid), TID: int32(tid), Comm: x.threads[tid].Comm, Via: model.ViaMap,
			Extent: &model.Extent{Flags: []string{flagOwner}},
		})
	}
	return list
}
