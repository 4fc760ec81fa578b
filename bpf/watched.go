package bpf

import (
	"os"
	"slices"
	"unsafe"
)

// Watched is something that can change although nobody runs who is known to have it, a pipe,
// FIFO or event counter: where it is in the kernel, and what it was like when that was found
// out. The zero Watched is of nothing.
//
// Its memory is that of struct watched of the program.
type Watched struct {
	place, ino uint64
	dev, what  uint32
	n          [5]uint64
}

// Watched is what can be looked at again of what is behind the descriptor.
func (d *File) Watched() (w Watched, known bool) {
	if d.what != isPipe && d.what != isEventfd {
		return w, false
	}
	w = Watched{place: d.n[6], what: uint32(d.what)}
	copy(w.n[:], d.n[:])
	if d.what == isPipe {
		w.ino = d.Ino
		if d.FSMagic != pipefsMagic {
			w.dev = d.DevMajor<<minorBits | d.DevMinor
		}
	}
	return w, w.place != 0
}

const minorBits = 20 // MINORBITS of include/linux/kdev_t.h

// None reports whether it is nothing, or not there any more.
func (w *Watched) None() bool { return w.what == 0 }

// Pipe is the state of the pipe, if it is one; see [File.Pipe].
func (w *Watched) Pipe() (p PipeState, known bool) {
	if w.what != isPipe {
		return p, false
	}
	return pipeState(w.n[:]), true
}

func pipeState(n []uint64) PipeState {
	p := PipeState{int64(n[0]), int64(n[1]) * pageSize, int(n[2]), int(n[3])}
	if n[4] != 0 || p.Queued < 0 || p.Capacity == 0 { // a FIFO that is not open has no buffer
		p.Queued, p.Capacity = -1, -1
	}
	return p
}

var pageSize = int64(os.Getpagesize())

// Eventfd is the state of the event counter, if it is one.
func (w *Watched) Eventfd() (e EventfdState, known bool) {
	if w.what != isEventfd {
		return e, false
	}
	return EventfdState{w.n[0], w.n[1]&semaphoreFlag != 0, int(int32(w.n[2]))}, true
}

// watcher looks at many at once.
type watcher struct {
	lookup
	now []Watched // what they are like
}

const (
	fewestPlaces = 256
	mostPlaces   = 1 << 20
)

// Changed calls f for each of a list that is not as it is in there, with its place in the
// list: some 0.2 µs for each of the list. A process has it open that has not run since the
// list's was found out. If that closes it meanwhile, now is [Watched.None].
//
// It needs Linux 5.17. The program for this is loaded when it is asked for the first time.
func (s *Source) Changed(list []Watched, f func(i int, now Watched)) error {
	w := &s.watcher
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	for at := 0; at < len(list); at += mostPlaces {
		part := list[at:min(at+mostPlaces, len(list))]
		if err := w.look(part, func(i int, now Watched) { f(at+i, now) }); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) look(list []Watched, f func(i int, now Watched)) error {
	if err := w.makeRoom(len(list)); err != nil {
		return err
	}
	w.now = slices.Grow(w.now[:0], len(list))[:len(list)]
	if err := w.ask(watchedBytes(list), uint64(len(list)), watchedBytes(w.now)); err != nil {
		return err
	}
	for i := range list {
		if w.now[i] != list[i] {
			f(i, w.now[i])
		}
	}
	return nil
}

// watchedBytes are the memory of a list, as the program has it.
func watchedBytes(list []Watched) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(list))), len(list)*int(unsafe.Sizeof(Watched{})))
}

// makeRoom loads the program with a map of at least so many elements.
func (w *watcher) makeRoom(n int) error {
	if w.program != nil && uint32(n) <= w.table.MaxEntries() {
		return nil
	}
	w.release()
	return w.load(watchedObject, uint32(max(n+n/4, fewestPlaces)))
}
