package bpf

import (
	_ "embed"
	"encoding/binary"
	"os"

	"github.com/cilium/ebpf/btf"
)

//go:embed programs/mapping.bpf.o
var mappingObject []byte

// Mapping is a shared mapping of a process, with attributes of its file.
type Mapping struct {
	PID, TID           int // the process, and the thread through which it was seen
	Start, End, Offset uint64
	Readable, Writable bool
	DevMajor, DevMinor uint32
	Ino                uint64
	Memory             bool   // the file is shared memory that the kernel created: it is in no directory
	Deleted            bool   // its name was removed
	Name               []byte // of the file, without its directory; valid until the callback returns

	Mode, Links, UID, GID uint32
	Size                  int64  // of the file, bytes
	Blocks                uint64 // its allocated size, in blocks of 512 bytes
}

const (
	mappingSize = 96

	// The types of records.
	oneMapping, allTold = 0, 1

	// include/linux/mm.h
	vmRead, vmWrite = 0x1, 0x2
)

// Mappings calls f for every shared mapping of the processes of the caller's pid namespace.
// The mappings of one thread come one after the other, by ascending address. Then it calls
// done once for the thread. all is false if these are not all of its mappings, or if that is
// not known because a mapping was just being changed. It is also false if the thread has
// mappings for which maps shows something that is stored elsewhere: files of an overlay,
// memory that its process gave a name, rings of sockets. A process whose main thread has
// ended is reported once for each other thread.
//
// No lock is taken. It needs Linux 6.4 with CONFIG_PER_VMA_LOCK; without, all is false. The
// program for this is loaded on the first call, which takes some 10 ms of processor time.
func (s *Source) Mappings(f func(m *Mapping), done func(pid, tid int, all bool)) error {
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
			done(m.PID, m.TID, what == allTold)
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

// mappingLength returns the length of the first record in b.
func mappingLength(b []byte) int {
	if len(b) < mappingSize {
		return 0
	}
	return mappingSize + int(binary.LittleEndian.Uint32(b))
}

// loadMappings returns the iterator over mappings. If it could not be loaded once, the
// same error is returned again.
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
