package bpf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
)

// counters look at many event counters at once. They are in a map whose memory ipctop
// shares with the kernel.
type counters struct {
	mu         sync.Mutex
	closed     bool
	collection *ebpf.Collection // nil: nobody has asked yet
	memory     *ebpf.Memory     // of the map
	content    []byte           // what is written into it and read
}

const (
	watchedSize  = 24 // struct watched
	fewestPlaces = 256
	mostPlaces   = 1 << 20
)

// Counters calls f for each of some counters that is not as it is in the list, with its place
// there: some 0.1 µs for each of the list. The list is of counters that [Source.Files] told
// of and that are open still: a thread that has one in its table has not run since. One that
// is closed meanwhile has another ID, as a rule.
//
// It needs Linux 5.17. The program for this is loaded when it is asked for the first time.
func (s *Source) Counters(list []EventfdState, f func(i int, now EventfdState)) error {
	c := &s.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	if len(list) == 0 {
		return nil
	}
	if err := c.makeRoom(len(list)); err != nil {
		return err
	}
	b := c.content[:0]
	for i := range list {
		b = list[i].appendWatched(b)
	}
	c.content = b
	if _, err := c.memory.WriteAt(b, 0); err != nil {
		return fmt.Errorf("write event counters: %w", err)
	}
	if _, err := c.collection.Programs["counters"].Run(&ebpf.RunOptions{Context: uint64(len(list))}); err != nil {
		return fmt.Errorf("look at event counters: %w", err)
	}
	if _, err := c.memory.ReadAt(b, 0); err != nil {
		return fmt.Errorf("read event counters: %w", err)
	}
	r := fields{b}
	for i := range list {
		now := EventfdState{Place: r.u64(), Count: r.u64(), Semaphore: r.u32() != 0, ID: int(int32(r.u32()))}
		if now != list[i] {
			f(i, now)
		}
	}
	return nil
}

func (e *EventfdState) appendWatched(b []byte) []byte {
	var semaphore uint32
	if e.Semaphore {
		semaphore = semaphoreFlag
	}
	le := binary.LittleEndian
	b = le.AppendUint64(le.AppendUint64(b, e.Place), e.Count)
	return le.AppendUint32(le.AppendUint32(b, semaphore), uint32(int32(e.ID)))
}

// makeRoom loads the program with a map of at least so many elements.
func (c *counters) makeRoom(n int) error {
	if n > mostPlaces {
		return fmt.Errorf("%d event counters are more than can be watched at once", n)
	}
	if c.collection != nil && uint32(n) <= c.collection.Maps["watched"].MaxEntries() {
		return nil
	}
	c.release()
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(counterObject))
	if err != nil {
		return fmt.Errorf("read program counters: %w", err)
	}
	spec.Maps["watched"].MaxEntries = uint32(max(n+n/4, fewestPlaces))
	if c.collection, err = ebpf.NewCollection(spec); err != nil {
		c.collection = nil
		return fmt.Errorf("load program counters: %w", err)
	}
	if c.memory, err = c.collection.Maps["watched"].Memory(); err != nil {
		c.release()
		return fmt.Errorf("share the memory of event counters: %w", err)
	}
	return nil
}

func (c *counters) release() {
	if c.collection != nil {
		c.collection.Close()
	}
	c.collection, c.memory = nil, nil
}

func (c *counters) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.release()
	c.closed = true
}

// owns reports whether a descriptor of this process is there for the counters.
func (c *counters) owns(fd int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.collection != nil &&
		(c.collection.Programs["counters"].FD() == fd || c.collection.Maps["watched"].FD() == fd)
}
