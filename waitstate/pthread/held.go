package pthread

// Held recognises a lock in a thread's list of robust locks: around is the memory around
// its word, and at the index of the word in it. The kernel requires that the word contains
// the owner's thread id; everything else is the layout of the C library.
func Held(around []byte, at int, pi bool) Lock {
	w := Wait{Around: around, At: at}
	word, _ := w.at(0)
	l := Lock{Type: RobustMutex, Owner: int(word & tidMask), Died: word&ownerDied != 0}
	if pi {
		l.Type = PIMutex
	}
	for _, w.Private = range []bool{false, true} {
		if kind, ok := w.at(16); ok && kind&glibcRobust != 0 && glibcKind(&w, kind) {
			l.Libc = "glibc"
		} else if kind, ok := w.at(-4); ok && kind&muslRobust != 0 && muslKind(&w, kind) {
			l.Libc = "musl"
		}
	}
	return l
}
