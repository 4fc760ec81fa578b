package pthread

// Bits of _m_type in a mutex of musl (src/thread/pthread_mutex_init.c).
const (
	muslTypes  = 0x03 // normal, recursive, error checking
	muslRobust = 0x04
	muslPI     = 0x08
	muslShared = 0x80
)

// muslBusy is EBUSY, which a locked normal mutex contains instead of an owner.
const muslBusy = 0x10

func muslKind(w *Wait, kind uint32) bool {
	return kind&^(muslTypes|muslRobust|muslPI|muslShared) == 0 && kind&muslTypes != 3 && w.flag(kind&muslShared, 0, muslShared)
}

// muslMutex: type@0, lock@4, waiters@8. The futex word is the owner's thread id, except in
// normal mutexes that are not robust.
func muslMutex(w *Wait, word uint32) (Lock, bool) {
	f, ok := w.fields(-4, 4)
	kind, count := f[0], f[1]
	if !ok || w.Call != Plain || w.Value&waiters == 0 || w.Value&tidMask == 0 || !muslKind(w, kind) || count == 0 || count > many {
		return Lock{}, false
	}
	l := Lock{Type: Mutex, Libc: "musl", Owner: int(word & tidMask), Died: word&ownerDied != 0}
	switch {
	case kind&muslRobust != 0:
		l.Type = RobustMutex
	case kind&muslTypes == 0:
		if w.Value != waiters|muslBusy {
			return Lock{}, false
		}
		l.Owner = 0
	case l.Owner > many:
		return Lock{}, false // a read-write lock held for writing
	}
	return l, true
}

// muslSem: value@0, waiters@4, private@8: 0x80, or 0 for a shared one. If there are
// waiters, the value is -1; since 1.2.4 only the highest bit.
func muslSem(w *Wait, _ uint32) (Lock, bool) {
	f, ok := w.fields(4, 8)
	if !ok || w.Call != Plain || w.Value != ^uint32(0) && w.Value != waiters || f[0] == 0 || f[0] > many || !w.flag(f[1], 0x80, 0) {
		return Lock{}, false
	}
	return Lock{Type: Sem, Libc: "musl"}, true
}

// muslRWLock: lock@0, waiters@4, shared@8: 0, or 0x80 for a shared one. It does not store
// an owner.
func muslRWLock(w *Wait, _ uint32) (Lock, bool) {
	f, ok := w.fields(4, 8)
	if !ok || w.Call != Plain || w.Value&waiters == 0 || w.Value&^waiters == 0 || f[0] == 0 || f[0] > many || !w.flag(f[1], 0, 0x80) {
		return Lock{}, false
	}
	return Lock{Type: RWLock, Libc: "musl"}, true
}

// muslCond: a shared condition begins with a pointer of all ones, and threads wait at the
// sequence number after it. The words of a private one are on the waiters' stacks.
func muslCond(w *Wait, _ uint32) (Lock, bool) {
	f, ok := w.fields(-8, -4, 4)
	if !ok || w.Call != Plain || w.Private || f[0]&f[1] != ^uint32(0) || f[2] == 0 {
		return Lock{}, false
	}
	return Lock{Type: Cond, Libc: "musl"}, true
}
