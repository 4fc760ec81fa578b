package pthread

import "encoding/binary"

// Wait is a thread's wait at a futex word.
type Wait struct {
	Call    Call
	Private bool   // FUTEX_PRIVATE_FLAG was given
	Value   uint32 // the expected value: with another one the thread would not have slept
	Narrow  bool   // of a 32-bit program
	Timed   bool   // it has a time limit

	// Around is as much of the memory around the word as could be read, and At the
	// index of the word in it.
	Around []byte
	At     int
}

// Call is how a thread waits: the C libraries use different operations for
// different locks.
type Call int

// The ways to wait.
const (
	Plain  Call = iota // FUTEX_WAIT
	Bitset             // FUTEX_WAIT_BITSET
	PI                 // FUTEX_LOCK_PI: the kernel hands the lock over, the word is the owner's thread id
	Other
)

// How many bytes before and after the word are needed to distinguish the locks.
const (
	Before = 0x30
	After  = 0x20
)

// Type is the type of lock to which a futex belongs.
type Type string

// The types.
const (
	Unknown     Type = "unknown"
	Mutex       Type = "mutex"
	RobustMutex Type = "robust-mutex"
	PIMutex     Type = "pi-mutex"
	RWLock      Type = "rwlock"
	Cond        Type = "cond"
	Barrier     Type = "barrier"
	Sem         Type = "sem"
	Join        Type = "join"
	// CondNotify is a condition variable at which a notifier waits until the earlier
	// waiters have left it. A waiter that was killed never leaves it.
	CondNotify Type = "cond-notify"
)

// Lock is a recognised lock.
type Lock struct {
	Type Type
	Libc string // glibc or musl; "" if it cannot be told

	// Owner is the id of the thread that holds it, in that thread's pid namespace;
	// 0 if the type has no owner, or if it is not known.
	Owner int
	Died  bool // the kernel has marked the word, because its owner ended without unlocking it
}

// HasOwner reports whether only one thread, the owner, can release a lock of this type. If the
// owner of such a lock is missing, it is unknown.
func (t Type) HasOwner() bool {
	switch t {
	case Cond, CondNotify, Barrier, Sem:
		return false
	}
	return true
}

// Bits of a word that the kernel defines (futex(2), "Priority-inheritance futexes"
// and get_robust_list(2)).
const (
	waiters   = 0x80000000
	ownerDied = 0x40000000
	tidMask   = 0x3fffffff
)

// at reads the 32-bit word at an offset from the futex word.
func (w *Wait) at(offset int) (uint32, bool) {
	i := w.At + offset
	if i < 0 || i+4 > len(w.Around) {
		return 0, false
	}
	return binary.LittleEndian.Uint32(w.Around[i:]), true
}

// fields reads several words; ok is false if one of them is missing.
func (w *Wait) fields(offsets ...int) (v [8]uint32, ok bool) {
	for i, o := range offsets {
		if v[i], ok = w.at(o); !ok {
			return v, false
		}
	}
	return v, true
}

// flag reports whether v is the value that a library stores in a lock of the wait's
// scope, private or shared.
func (w *Wait) flag(v, private, shared uint32) bool {
	if w.Private {
		return v == private
	}
	return v == shared
}

// many is more waiters than there can be threads.
const many = 1 << 22

// Identify recognises the lock. sibling reports whether a number is the id of
// another thread of the waiting process.
func Identify(w Wait, sibling func(tid int) bool) Lock {
	word, ok := w.at(0)
	if !ok {
		if w.Call == PI {
			return Lock{Type: PIMutex}
		}
		return Lock{Type: Unknown}
	}
	// pthread_join waits at a field of the thread's descriptor that contains the thread's id.
	// The kernel clears it when the thread ends (set_tid_address(2)).
	if w.Call == Bitset && w.Value == word && word != 0 && word&^tidMask == 0 && sibling(int(word)) {
		return Lock{Type: Join, Libc: "glibc", Owner: int(word)}
	}
	known := []func(*Wait, uint32) (Lock, bool){
		priorityMutex, glibcMutex, glibcRobustMutex, glibcSem, glibcRWLock, glibcCond, glibcCondNotify, glibcBarrier,
		muslSem, muslMutex, muslRWLock, muslCond,
	}
	if w.Narrow { // other locks have another layout in 32-bit programs
		known = []func(*Wait, uint32) (Lock, bool){priorityMutex, glibcMutex, glibcRobustMutex, glibcSem32, glibcCond, glibcCondNotify, glibcBarrier}
	}
	for _, recognise := range known {
		if l, ok := recognise(&w, word); ok {
			return l
		}
	}
	return Lock{Type: Unknown}
}

// priorityMutex: the kernel itself requires that the word is the owner's thread id.
func priorityMutex(w *Wait, word uint32) (Lock, bool) {
	if w.Call != PI {
		return Lock{}, false
	}
	l := Lock{Type: PIMutex, Owner: int(word & tidMask), Died: word&ownerDied != 0}
	if kind, ok := w.at(w.kind()); ok && glibcKind(w, kind) && kind&glibcPI != 0 {
		l.Libc = "glibc"
	} else if kind, ok := w.at(-4); ok && muslKind(w, kind) && kind&muslPI != 0 {
		l.Libc = "musl"
	}
	return l, true
}
