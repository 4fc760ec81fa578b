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

// words is the key space of the futexes at which threads wait. The numbers are arbitrary:
// futexes are distinguished by their ids.
var words = &probe.KeySpace{Name: "futex"}

// Flags of a futex's holders.
const (
	flagWaiter = "waiter"
	flagOwner  = "owner"
)

// word is a futex with all threads that wait at it.
type word struct {
	id      string
	parent  *probe.Entry
	shared  bool
	users   []*model.Process // of a private word: the processes that share its memory, if there are several
	offset  uint64
	waiters []wordWaiter
	object  *model.Object

	lock      pthread.Lock
	owner     model.Opt[int]
	pid       int   // the owner's process
	inherited bool  // the owner is a thread of a process from which this one was forked
	possible  []int // several threads, one of which is the owner; then owner is not known
	ended     bool  // the owner has ended, and owner is not known: the number in lock is of another pid namespace
}

type wordWaiter struct {
	thread *thread
	futex  *futexWait
}

// futexes makes an object of every word at which a thread waits.
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
		w.recognise(r, x)
		w.findOwner(r, x)
		w.describe(r, x)
		e := r.j.Add(probe.Key{Space: words, Num: uint64(i)}, w.object, w.holders(x)...)
		// The holders are incomplete if the owner of a lock is not known, or if some
		// threads, which might wait here, could not be read.
		_, owned := w.owner.Get()
		e.Complete = model.Some(!(r.denied && w.shared) && (owned || w.ended || !w.lock.Type.HasOwner()))
	}
}

// identity gives the word an id. For a shared word it consists of the memory object and the
// offset, which are the same for all processes. For a private word it consists of the process
// (if several share all their memory, the one with the lowest pid) and the address.
func (x *index) identity(t *thread, f *futexWait) *word {
	w := &word{shared: f.shared, offset: f.offset}
	switch {
	case !f.shared:
		p := t.proc
		if w.users = x.memory[p]; len(w.users) > 0 {
			p = w.users[0]
		}
		w.id = "futex:" + itoa(p.PID) + ":" + model.Addr(f.addr).String()
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
		// A System V segment's number is meaningless without its namespace.
		w.id = "futex:" + itoa(t.proc.PID) + ":" + model.Addr(f.addr).String()
	default:
		w.id = "futex:" + proc.DevString(f.dev) + ":" + strconv.FormatUint(f.ino, 10) + place
	}
	return w
}

// recognise tries to recognise the lock from each waiter's sample of the memory. They see the
// same memory, but ipctop may not be allowed to read each of them, and a sample may have been
// taken while the fields were changing.
func (w *word) recognise(r *pass, x *index) {
	for _, waiter := range w.waiters {
		if !waiter.futex.read {
			continue
		}
		w.lock = pthread.Identify(waiter.futex.wait, func(number int) bool {
			tid := r.threadOf(x, waiter.thread.proc, number)
			return tid != 0 && tid != waiter.thread.tid
		})
		if w.lock.Type == pthread.Mutex && waiter.futex.wait.Call == pthread.Bitset && !w.shared && !r.ownedHere(x, waiter.thread.proc, w.lock.Owner) {
			w.lock = pthread.Lock{Type: pthread.Unknown} // a futex of another library: the memory around it has another meaning
		}
		if w.lock.Type != pthread.Unknown {
			return
		}
	}
}

func (w *word) describe(r *pass, x *index) {
	d := &model.FutexDetail{
		Libc: w.lock.Libc, Type: string(w.lock.Type), OwnerTID: w.owner, PossibleOwners: w.possible, Inherited: w.inherited, OwnerDied: w.lock.Died, Waiters: model.Some(len(w.waiters)),
	}
	if w.shared {
		d.Offset = model.Some(clampInt64(w.offset))
	}
	for _, p := range w.users {
		d.Processes = append(d.Processes, p.PID)
	}
	w.object = &model.Object{ID: w.id, Kind: model.Futex, Detail: d}
	if w.parent != nil {
		d.Object = w.parent.Object.ID
		if w.parent.Object.Name != "" {
			w.object.Name = w.parent.Object.Name + "+" + strconv.FormatUint(w.offset, 10)
		}
		w.object.Namespace = w.parent.Object.Namespace
	}
	if w.ended {
		d.OwnerNumber, d.OwnerAlive = model.Some(w.lock.Owner), model.Some(false)
	}
	if tid, ok := w.owner.Get(); ok {
		if w.pid != 0 {
			d.OwnerPID = model.Some(w.pid)
		}
		d.OwnerAlive = r.alive(x, tid)
	}
}

// alive reports whether a thread exists. A thread that did not exist when the processes
// were read may have been started since.
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

// ended reports whether a thread is known to have ended, because it is a zombie.
func (x *index) ended(tid int) bool { return x.states[tid] == "Z" || x.states[tid] == "X" }

// hidden reports whether the proc file system hides other users' processes
// (hidepid, proc(5)): then a process that is not listed may exist.
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
