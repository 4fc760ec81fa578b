package pthread

// Bits of __kind in a mutex of glibc (nptl/pthreadP.h).
const (
	glibcTypes     = 0x03 // timed, recursive, error checking, adaptive
	glibcRecursive = 0x01
	glibcRobust    = 0x10
	glibcPI        = 0x20
	glibcPP        = 0x40 // priority ceiling
	glibcShared    = 0x80
	glibcElide     = 0x300
)

// glibcKind reports whether a word can be the __kind of a mutex at which a thread waits
// like w: it has only known bits, and its shared bit is set exactly if the wait is a shared
// one. This holds for robust mutexes, too.
func glibcKind(w *Wait, kind uint32) bool {
	const all = glibcTypes | glibcRobust | glibcPI | glibcPP | glibcShared | glibcElide
	return kind&^all == 0 && w.flag(kind&glibcShared, 0, glibcShared)
}

// kind returns the offset of __kind in a mutex.
func (w *Wait) kind() int {
	if w.Narrow {
		return 12
	}
	return 16
}

// forMutex reports whether w can be a wait for a mutex. Since glibc 2.34 pthread_mutex_timedlock
// and clocklock wait with an absolute time limit, which FUTEX_WAIT does not support
// (nptl/futex-internal.c), so they use FUTEX_WAIT_BITSET. Other libraries and languages use that
// operation for words of their own, mostly without a limit.
func (w *Wait) forMutex() bool { return w.Call == Plain || w.Call == Bitset && w.Timed }

// glibcMutex: lock@0, count@4, owner@8, users@12, kind@16; the last two are swapped in a
// 32-bit program. A lock value of 2 means that someone waits
// (sysdeps/nptl/bits/struct_mutex.h, nptl/lowlevellock.c). With a time limit, waits at the
// words of a condition or a read-write lock look the same: these are not followed by an
// owner, and only recursive mutexes have a count.
func glibcMutex(w *Wait, _ uint32) (Lock, bool) {
	f, ok := w.fields(8, 28-w.kind(), w.kind(), 4)
	owner, users, kind, count := f[0], f[1], f[2], f[3]
	if !ok || !w.forMutex() || w.Value != 2 || !glibcKind(w, kind) || kind&(glibcRobust|glibcPI) != 0 {
		return Lock{}, false
	}
	if w.Call == Bitset && (kind&glibcTypes == glibcRecursive) != (count != 0) {
		return Lock{}, false
	}
	if owner == 0 || owner&^tidMask != 0 || users == 0 || users > many {
		return Lock{}, false
	}
	return Lock{Type: Mutex, Libc: "glibc", Owner: int(owner)}, true
}

// glibcRobustMutex has the fields of a mutex; its futex word is the owner's thread id.
func glibcRobustMutex(w *Wait, word uint32) (Lock, bool) {
	kind, ok := w.at(w.kind())
	if !ok || !w.forMutex() || w.Value&waiters == 0 || w.Value&tidMask == 0 || !glibcKind(w, kind) || kind&glibcRobust == 0 {
		return Lock{}, false
	}
	return Lock{Type: RobustMutex, Libc: "glibc", Owner: int(word & tidMask), Died: word&ownerDied != 0}, true
}

// glibcSem: value@0, waiters@4, private@8: 0, or 0x80 for a shared one
// (sysdeps/nptl/internaltypes.h, struct new_sem).
func glibcSem(w *Wait, word uint32) (Lock, bool) {
	f, ok := w.fields(4, 8)
	if !ok || w.Call != Bitset || w.Value != 0 || word != 0 || f[0] == 0 || f[0] > many || !w.flag(f[1], 0, 0x80) {
		return Lock{}, false
	}
	return Lock{Type: Sem, Libc: "glibc"}, true
}

// glibcSem32 is a semaphore of a 32-bit program: value@0, times 2, with a bit for "someone
// waits", private@4, waiters@12.
func glibcSem32(w *Wait, word uint32) (Lock, bool) {
	const someone = 1
	f, ok := w.fields(12, 4)
	if !ok || w.Call != Bitset || w.Value != someone || word != someone || f[0] == 0 || f[0] > many || !w.flag(f[1], 0, 0x80) {
		return Lock{}, false
	}
	return Lock{Type: Sem, Libc: "glibc"}, true
}

// glibcCond: threads wait at one of two words, signals[0] and signals[1]; the word
// before these counts the waiters, times 8, and has a bit for shared
// (sysdeps/nptl/bits/thread-shared-types.h; moved, but in the same order, in 2.41).
func glibcCond(w *Wait, _ uint32) (Lock, bool) {
	if w.Call != Bitset || w.Value > many {
		return Lock{}, false
	}
	for _, before := range []int{-4, -8} {
		refs, ok := w.at(before)
		if ok && refs>>3 != 0 && refs>>3 <= many && refs&4 == 0 && w.flag(refs&1, 0, 1) {
			return Lock{Type: Cond, Libc: "glibc"}, true
		}
	}
	return Lock{}, false
}

// glibcCondNotify: before a notifier can reuse a group of waiters, it waits until the
// earlier waiters have left the group. It waits at __g_refs[0] or [1], which counts them,
// times 2, with a bit for "the notifier waits". After these come __g_size[2];
// __g1_orig_size, whose lower bits are the internal lock of the condition, held by the
// notifier; and __wrefs as above
// (nptl/pthread_cond_common.c, __condvar_quiesce_and_switch_g1; glibc 2.25 to 2.40).
func glibcCondNotify(w *Wait, word uint32) (Lock, bool) {
	if w.Call != Plain || w.Value != word || word&1 == 0 || word>>1 == 0 || word>>1 > many {
		return Lock{}, false
	}
	for _, lock := range []int{16, 12} { // from the first, from the second count
		f, ok := w.fields(lock, lock+4)
		if locked, refs := f[0]&3, f[1]; ok && (locked == 1 || locked == 2) && refs&4 == 0 && refs>>3 <= many && w.flag(refs&1, 0, 1) {
			return Lock{Type: CondNotify, Libc: "glibc"}, true
		}
	}
	return Lock{}, false
}

// glibcRWLock: readers@0, writers@4, wrphase_futex@8, writers_futex@12, two
// unused words, cur_writer@24, shared@28 (struct_rwlock.h). Threads wait at either
// futex, whose value has a bit for "used".
func glibcRWLock(w *Wait, _ uint32) (Lock, bool) {
	const used = 2
	if w.Call != Bitset || w.Value&^1 != used {
		return Lock{}, false
	}
	owner := func(start int) (Lock, bool) {
		f, ok := w.fields(start, start+4, start+16, start+20, start+24, start+28)
		readers, writers, unused, writer, shared := f[0], f[1], f[2]|f[3], f[4], f[5]
		if !ok || unused != 0 || writer&^tidMask != 0 || !w.flag(shared, 0, 1) || readers>>3 > many || writers&^waiters > many {
			return Lock{}, false
		}
		return Lock{Type: RWLock, Libc: "glibc", Owner: int(writer)}, true
	}
	const phase, writers = -8, -12
	l, ok := owner(phase)
	if ok && (w.Value == used || l.Owner != 0) {
		return l, true
	}
	return owner(writers)
}

// glibcBarrier: in@0, current_round@4, count@8, shared@12, out@16; threads wait at the
// round, which starts anew when half the numbers are used (sysdeps/nptl/internaltypes.h, struct pthread_barrier).
func glibcBarrier(w *Wait, word uint32) (Lock, bool) {
	f, ok := w.fields(-4, 4, 8, 12)
	in, count, shared, out := f[0], f[1], f[2], f[3]
	if !ok || w.Call != Plain || w.Value != word || word >= 1<<31 || count == 0 || count > many || !w.flag(shared, 0, 0x80) ||
		in-word == 0 || in-word > count || out > in {
		return Lock{}, false
	}
	return Lock{Type: Barrier, Libc: "glibc"}, true
}
