package bpf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"sync"

	"github.com/cilium/ebpf"
)

// Watched is something that can change although nobody runs who is known to have it, a pipe,
// FIFO or event counter: where it is in the kernel, and what it was like when that was found
// out. The zero Watched is of nothing.
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
	if n[4] != 0 || p.Queued < 0 {
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

// watcher looks at many at once. They are in a map whose memory ipctop shares with the
// kernel.
type watcher struct {
	mu         sync.Mutex
	closed     bool
	collection *ebpf.Collection // nil: nobody has asked yet
	memory     *ebpf.Memory     // of the map
	asked, now []byte           // what is written into it and read
}

const (
	watchedSize  = 64 // struct watched
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
	w.asked = w.asked[:0]
	for i := range list {
		w.asked = list[i].append(w.asked)
	}
	w.now = append(w.now[:0], w.asked...)
	if _, err := w.memory.WriteAt(w.asked, 0); err != nil {
		return fmt.Errorf("write what is watched: %w", err)
	}
	if _, err := w.collection.Programs["look_at"].Run(&ebpf.RunOptions{Context: uint64(len(list))}); err != nil {
		return fmt.Errorf("look at what is watched: %w", err)
	}
	if _, err := w.memory.ReadAt(w.now, 0); err != nil {
		return fmt.Errorf("read what is watched: %w", err)
	}
	for i := range list {
		from, to := i*watchedSize, (i+1)*watchedSize
		if now := w.now[from:to]; !bytes.Equal(now, w.asked[from:to]) {
			f(i, parseWatched(now))
		}
	}
	return nil
}

func (w *Watched) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint64(le.AppendUint64(b, w.place), w.ino)
	b = le.AppendUint32(le.AppendUint32(b, w.dev), w.what)
	for _, n := range w.n {
		b = le.AppendUint64(b, n)
	}
	return b
}

func parseWatched(b []byte) Watched {
	f := fields{b}
	w := Watched{place: f.u64(), ino: f.u64(), dev: f.u32(), what: f.u32()}
	for i := range w.n {
		w.n[i] = f.u64()
	}
	return w
}

// makeRoom loads the program with a map of at least so many elements.
func (w *watcher) makeRoom(n int) error {
	if w.collection != nil && uint32(n) <= w.collection.Maps["watched"].MaxEntries() {
		return nil
	}
	w.release()
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(watchedObject))
	if err != nil {
		return fmt.Errorf("read program look_at: %w", err)
	}
	spec.Maps["watched"].MaxEntries = uint32(max(n+n/4, fewestPlaces))
	if w.collection, err = ebpf.NewCollection(spec); err != nil {
		w.collection = nil
		return fmt.Errorf("load program look_at: %w", err)
	}
	if w.memory, err = w.collection.Maps["watched"].Memory(); err != nil {
		w.release()
		return fmt.Errorf("share the memory of what is watched: %w", err)
	}
	return nil
}

func (w *watcher) release() {
	if w.collection != nil {
		w.collection.Close()
	}
	w.collection, w.memory = nil, nil
}

func (w *watcher) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.release()
	w.closed = true
}

// owns reports whether a descriptor of this process is there for the watcher.
func (w *watcher) owns(fd int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.collection != nil &&
		(w.collection.Programs["look_at"].FD() == fd || w.collection.Maps["watched"].FD() == fd)
}
