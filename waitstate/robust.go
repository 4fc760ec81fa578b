package waitstate

import (
	"context"
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
	"github.com/ipctop/ipctop/waitstate/pthread"
)

// Each thread registers the address of its list of held robust locks in the kernel, which
// marks them if the thread ends (get_robust_list(2), Linux 2.6.17). So the owner of a
// lock is known even if no thread waits for it. Reading the lists of all threads of the
// machine would make a scan several per cent more expensive, so it is done only for
// processes that the user wants to see in detail.

const (
	robustHead = 24   // struct robust_list_head: next, futex_offset, list_op_pending
	maxRobust  = 2048 // ROBUST_LIST_LIMIT: the kernel ignores further locks
	robustPI   = 1    // bit of a pointer to a lock with priority inheritance
)

// heldWord is a word that a thread has locked.
type heldWord struct {
	thread *thread
	futexWait
	lock pthread.Lock
}

// readDetail makes an object of every robust lock that these processes hold.
func readDetail(ctx context.Context, idx *probe.Index, list []*model.Process, out *probe.Collector) error {
	if !idx.Scan.PIDCalls || unsafe.Sizeof(uintptr(0)) != 8 {
		return nil // pids would mean other processes; 32-bit lists have another layout
	}
	r := &pass{j: idx, out: out, earlier: new(earlier)}
	var held []heldWord
	idx.EachProcess(list, func(t *guard.Task, p *probe.Proc) func() {
		if ctx.Err() != nil {
			return nil
		}
		v := visit{proc: p, task: t, mem: newMemory(p, t)}
		defer v.mem.close()
		words := v.robust()
		return func() {
			held = append(held, words...)
			for _, g := range v.gaps {
				g.Op = "robust list"
				out.Gap(g)
			}
		}
	}, func(m *model.Process, err error) {
		out.Gap(model.Gap{Reason: proc.ReasonOf(err), PID: m.PID, Op: "open", Detail: err.Error()})
	})
	if len(held) == 0 {
		return nil
	}
	for i := range held {
		r.threads = append(r.threads, &thread{
			proc: held[i].thread.proc, tid: held[i].thread.tid, waiting: &waiting{futexes: []futexWait{held[i].futexWait}},
		})
	}
	x := r.resolve()
	known := map[string]*probe.Entry{}
	for _, e := range idx.In(words) {
		known[e.Object.ID] = e
	}
	for i := range held {
		h := &held[i]
		w := x.identity(h.thread, &h.futexWait)
		w.lock, w.owner, w.pid = h.lock, model.Some(h.thread.tid), h.thread.proc.PID
		e := known[w.id]
		if e == nil {
			w.describe(r, x)
			e = idx.Add(probe.Key{Space: words, Num: uint64(len(known))}, w.object, w.holders(x)...)
			e.Complete = model.Some(!idx.Hidden())
			known[w.id] = e
		}
		w.markHeld(r, x, e)
	}
	return nil
}

// markHeld records in a word's object that its owner has it in its list. This is more
// reliable than the content of the word.
func (w *word) markHeld(r *pass, x *index, e *probe.Entry) {
	d := e.Object.Detail.(*model.FutexDetail)
	d.Held, d.PossibleOwners = model.Some(true), nil
	if d.OwnerTID == w.owner {
		return
	}
	tid := w.owner.Or(0)
	d.OwnerTID, d.OwnerPID, d.OwnerAlive = w.owner, model.Some(w.pid), r.alive(x, tid)
	e.Adopt(w.holders(x)...)
}

// robust lists the words that the threads of a process have locked.
func (v *visit) robust() []heldWord {
	m := v.proc.Model
	threads := m.AllThreads()
	if v.class().Or(true) {
		return nil
	}
	var list []heldWord
	for i := range threads {
		t := &thread{proc: m, tid: threads[i].TID, comm: threads[i].Comm}
		words, err := v.robustOf(t)
		list = append(list, words...)
		switch {
		case err == nil, proc.Gone(err), err == errNotPresent, err == unix.EFAULT:
			// A list that is not in memory, or is not valid, has not been used for a long time.
		default:
			v.gap(t.tid, err)
			return list
		}
	}
	return list
}

func (v *visit) robustOf(t *thread) ([]heldWord, error) {
	if !v.task.Begin("robust list", int32(t.tid)) { // waits for an exec that is under way
		return nil, guard.ErrGivenUp
	}
	var head, size uint64
	_, _, errno := unix.Syscall(unix.SYS_GET_ROBUST_LIST, uintptr(t.tid), uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&size)))
	v.task.End()
	if errno != 0 {
		return nil, errno
	}
	if head == 0 || size != robustHead {
		return nil, nil
	}
	b, err := v.mem.read(t.tid, head, robustHead)
	if err != nil {
		return nil, err
	}
	next, offset, pending := binary.NativeEndian.Uint64(b), binary.NativeEndian.Uint64(b[8:]), binary.NativeEndian.Uint64(b[16:])
	self := v.tidInNamespace(t.tid)
	var list []heldWord
	add := func(node uint64) {
		if h, ok := v.robustWord(t, self, node&^robustPI+offset, node&robustPI != 0); ok {
			list = append(list, h)
		}
	}
	// The thread may be changing its list, so an entry counts only if its word names the
	// thread.
	for n := 0; next&^robustPI != head && n < maxRobust; n++ {
		if next&^robustPI == 0 {
			return list, nil
		}
		add(next)
		if next == pending {
			pending = 0
		}
		if b, err = v.mem.read(t.tid, next&^robustPI, 8); err != nil {
			return list, err
		}
		next = binary.NativeEndian.Uint64(b)
	}
	if pending != 0 {
		add(pending) // it is just being locked or unlocked
	}
	return list, nil
}

// robustWord reads one word of a list; false if the thread does not hold it.
func (v *visit) robustWord(t *thread, self int, addr uint64, pi bool) (heldWord, bool) {
	h := heldWord{thread: t}
	h.addr, h.located = addr, true
	b, at, err := v.mem.around(t.tid, addr, pthread.Before, pthread.After)
	if err != nil || at+4 > len(b) {
		return h, false
	}
	h.lock = pthread.Held(b, at, pi)
	if h.lock.Owner != self {
		return h, false
	}
	m, err := v.proc.MappingAt(t.tid, addr)
	if err != nil {
		return h, false
	}
	h.place(&m)
	return h, true
}

// tidInNamespace returns a thread's id in its own pid namespace, which is the one that
// futexes contain.
func (v *visit) tidInNamespace(tid int) int {
	if len(v.proc.Model.NSPIDs) == 0 {
		return tid
	}
	status, err := v.proc.Dir.ReadRecord("task/"+itoa(tid)+"/status", nil)
	if err != nil {
		return 0
	}
	return innermost(status)
}
