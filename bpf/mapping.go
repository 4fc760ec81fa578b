package bpf

import (
	_ "embed"
	"encoding/binary"
	"os"

	"github.com/cilium/ebpf/btf"
)

//go:embed programs/mapping.bpf.o
var mappingObject []byte

// Mapping is a shared mapping of a process, and what the file behind it is like.
type Mapping struct {
	PID, TID           int // the process, and the thread through which it shows
	Start, End, Offset uint64
	Readable, Writable bool
	DevMajor, DevMinor uint32
	Ino                uint64
	Memory             bool   // the file is shared memory of the kernel's making: it is in no directory
	Deleted            bool   // its name was removed
	Name               []byte // of the file, without its directory; valid until the callback returns

	Mode, Links, UID, GID uint32
	Size                  int64  // of the file, bytes
	Blocks                uint64 // that it takes, of 512 bytes
}

const (
	mappingSize = 96

	// What a record is.
	oneMapping, allTold = 0, 1

	// include/linux/mm.h
	vmRead, vmWrite = 0x1, 0x2
)

// Mappings calls f for every shared mapping of the processes of the caller's pid namespace:
// those of one thread come one after the other, by ascending address. Then it calls told for
// the thread, once; all is false where they are not all of its mappings, or not known, as
// somebody was just changing them. So it is also where there are some of which maps says what
// stands elsewhere: files of an overlay, memory that its process gave a name, rings of
// sockets. A process whose main thread has ended is told of once for each other thread.
//
// No lock is taken. It needs Linux 6.4 with CONFIG_PER_VMA_LOCK; without, all is false. The
// program for this is loaded when it is asked for the first time, which takes some 10 ms of
// processor time.
func (s *Source) Mappings(f func(m *Mapping), told func(pid, tid int, all bool)) error {
	it, err := s.loadMappings()
	if err != nil {
		return err
	}
	page := uint64(os.Getpagesize())
	var m Mapping
	return it.each(mappingLength, func(record []byte) {
		r := fields{record}
		name, what := r.int(), r.u32()
		m.PID, m.TID = r.int(), r.int()
		if what != oneMapping {
			told(m.PID, m.TID, what == allTold)
			return
		}
		flags := r.u32()
		m.Readable, m.Writable = flags&vmRead != 0, flags&vmWrite != 0
		m.Memory = r.u32() != 0
		m.DevMajor, m.DevMinor = r.dev()
		m.Mode, m.Links, m.UID, m.GID = r.u32(), r.u32(), r.u32(), r.u32()
		m.Deleted = r.u32() != 0
		m.Start, m.End, m.Offset = r.u64(), r.u64(), r.u64()*page
		m.Ino, m.Size, m.Blocks = r.u64(), int64(r.u64()), r.u64()
		m.Name = r.bytes(name - 1) // it ends in a NUL
		f(&m)
	})
}

// mappingLength is the length of the record that b begins with.
func mappingLength(b []byte) int {
	if len(b) < mappingSize {
		return 0
	}
	return mappingSize + int(binary.LittleEndian.Uint32(b))
}

// loadMappings is the iterator over mappings. What kept it from being loaded once does so
// again.
func (s *Source) loadMappings() (*iterator, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.tasks == nil:
		return nil, ErrClosed
	case s.mappings == nil && s.noMappings == nil:
		if s.types == nil {
			s.types = btf.NewCache()
		}
		s.mappings, s.noMappings = load(mappingObject, "mappings", s.types)
		s.types = nil
	}
	return s.mappings, s.noMappings
}
