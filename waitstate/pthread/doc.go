// Package pthread recognises the locks of glibc and musl by the words of memory around the
// address at which a thread waits in futex(2), and returns their owner if the library
// records one. It works on 64-bit little-endian machines.
// It is a set of pure functions on bytes.
//
// The kernel does not know what a word belongs to. A lock is recognised only if the
// operation, the expected value and all neighbouring fields fit; a word that fits
// nothing is of unknown type, as the locks of other languages are.
package pthread
