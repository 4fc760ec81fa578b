// Package pthread recognises the locks of the C libraries by the words around the
// address that a thread waits at in futex(2), and tells their owner where the
// library writes one down: glibc's and musl's, on 64-bit little-endian machines.
// It is a set of pure functions on bytes.
//
// Nothing in the kernel says what a word is. A lock is recognised only where the
// operation, the value waited for and all neighbouring fields fit; a word that
// fits nothing is of unknown type, which is what other languages' locks are.
package pthread
