// Package pthread recognises the locks of the C libraries by the words around the
// address that a thread waits at in futex(2), and tells their owner where the
// library writes one down: glibc's and musl's, on 64-bit little-endian machines.
// It is a set of pure functions on bytes.
//
// The kernel does not know what a word belongs to. A lock is recognised only if the
// operation, the expected value and all neighbouring fields fit; a word that fits
// nothing is of unknown type, as the locks of other languages are.
package pthread
