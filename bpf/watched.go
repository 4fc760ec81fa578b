package bpf

import (
	"os"
	"slices"
	"unsafe"
)

// Watched is an object that can change although none of its known holders runs: a pipe, FIFO
// or event counter. It has the object's address in the kernel, and its state when that was
// read. The zero Watched is no object.
//
// Its memory is that of struct watched of the program.
type Watched struct {
	place, ino uint64
	dev, what  uint32
	n          [5]uint64
}

// Watched returns the object behind the descriptor in a form that can be looked at again.
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

// None reports whether there is no object, or it is gone.
func (w *Watched) None() bool { return w.what == 0 }

// Pipe returns the state of the pipe, if it is one; see [File.Pipe].
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

// Eventfd returns the state of the event counter, if it is one.
func (w *Watched) Eventfd() (e EventfdState, known bool) {
	if w.what != isEventfd {
		return e, false
	}
	return EventfdState{w.n[0], w.n[1]&semaphoreFlag != 0, int(int32(w.n[2]))}, true
}

// watcher looks at many objects at once.
type watcher struct {
	lookup
	now []Watched // their new states
}

const (
	fewestPlaces = 256
	mostPlaces   = 1 << 20
)

// Changed calls f for each object of a list whose state has changed, with its place in the
// list. It takes some 0.2 µs per object. Each object must be open in a process that has
// not run since the state was read. If the process closes it meanwhile, now is
// [Watched.None].
//
// It needs Linux 5.17. The program for this is loaded on the first call.
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

// watchedBytes returns the memory of a list, in the program's layout.
func watchedBytes(list []Watched) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(list))), len(list)*int(unsafe.Sizeof(Watched{})))
}

// makeRoom loads the program with a map of at least n elements.
func (w *watcher) makeRoom(n int) error {
	if w.program != nil && uint32(n) <= w.table.MaxEntries() {
		return nil
	}
	w.release()
	return w.load(watchedObject, uint32(max(n+n/4, fewestPlaces)))
}
