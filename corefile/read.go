package corefile

import (
	"bufio"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/ipctop/ipctop/model"
)

// ErrNotCore is the error for a file that is no core.
var ErrNotCore = errors.New("not a core file")

// Bounds on what is read: beyond them a file is not written by a kernel.
const (
	maxSegments = 1 << 17
	maxThreads  = 1 << 16
	maxFileNote = 16 << 20 // of NT_FILE; sysctl core_file_note_size_max
	maxMappings = 1 << 18  // of files
	maxShared   = 1 << 14
	maxLocks    = 1 << 16
)

// reader is a core that is being read.
type reader struct {
	r    io.ReaderAt
	size int64 // -1: unknown
	arch *arch
	core *Core

	segments []segment
	files    []fileMapping
	siginfo  bool
	locked   int // locks found
}

// segment is memory of the process (PT_LOAD).
type segment struct {
	addr, memory uint64
	off, file    uint64
}

const headerSize, progSize, sectSize = 64, 56, 64

// Read reads a core with the given size in bytes; -1 if it is not known.
func Read(r io.ReaderAt, size int64) (*Core, error) {
	c := &reader{r: r, size: size, core: &Core{Threads: []Thread{}, Mappings: []Mapping{}, Notes: []string{}}}
	h, err := c.header()
	if err != nil {
		return nil, err
	}
	notes, err := c.programs(h)
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		if err := c.notes(n); err != nil {
			c.note("the notes are not whole: %v", err)
		}
	}
	if len(c.core.Threads) == 0 {
		return nil, errors.New("no thread in this core file: it is cut off before its notes, or was not written by Linux")
	}
	c.living()
	slices.SortStableFunc(c.segments, func(a, b segment) int { return cmp.Compare(a.addr, b.addr) })
	slices.SortStableFunc(c.files, func(a, b fileMapping) int { return cmp.Compare(a.start, b.start) })
	c.truncation()
	c.shared()
	c.calls()
	c.locks()
	return c.core, nil
}

// living finds out whether the core is of a process that kept running: the kernel writes
// a core only for a signal that ends a process with a core. A debugger records the
// signal with which it stopped the process.
func (c *reader) living() {
	if s := c.core.Signal; s == nil || !dumping[s.Name] {
		c.core.Living, c.core.Signal = true, nil
	}
}

func (c *reader) note(format string, args ...any) {
	const enough = 50
	if len(c.core.Notes) < enough {
		c.core.Notes = append(c.core.Notes, fmt.Sprintf(format, args...))
	}
}

// header reads the ELF header and refuses files that this package does not handle.
func (c *reader) header() (*elf.Header64, error) {
	var b [headerSize]byte
	n, err := c.r.ReadAt(b[:], 0)
	if n < 4 || string(b[:4]) != elf.ELFMAG {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: it does not begin like an ELF file", ErrNotCore)
	}
	if n < 20 {
		return nil, errors.New("cut off within its first header")
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if elf.Data(b[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	kind, machine := elf.Type(order.Uint16(b[16:])), elf.Machine(order.Uint16(b[18:]))
	if kind != elf.ET_CORE {
		what := map[elf.Type]string{elf.ET_EXEC: "a program", elf.ET_DYN: "a program or library", elf.ET_REL: "an object file"}[kind]
		if what == "" {
			what = kind.String()
		}
		return nil, fmt.Errorf("%w: it is %s", ErrNotCore, what)
	}
	if elf.Class(b[elf.EI_CLASS]) != elf.ELFCLASS64 {
		return nil, fmt.Errorf("a core of a 32-bit process (%v): only those of amd64 and arm64 can be read", machine)
	}
	if c.arch = arches[machine]; c.arch == nil || order != binary.LittleEndian {
		return nil, fmt.Errorf("a core of another architecture (%v): only those of amd64 and arm64 can be read", machine)
	}
	if n < headerSize {
		return nil, errors.New("cut off within its first header")
	}
	c.core.Arch = c.arch.name
	h := new(elf.Header64)
	if _, err := binary.Decode(b[:], order, h); err != nil {
		return nil, err
	}
	if h.Phentsize != progSize {
		return nil, fmt.Errorf("program headers of %d bytes each, not %d", h.Phentsize, progSize)
	}
	return h, nil
}

// programs reads the program headers: the notes, and the memory segments.
func (c *reader) programs(h *elf.Header64) (notes []segment, err error) {
	count := uint64(h.Phnum)
	const more = 0xffff // PN_XNUM
	if count == more {
		// There are more; their number is in the first section header.
		var b [sectSize]byte
		if _, err := c.r.ReadAt(b[:], int64(h.Shoff)); err != nil {
			c.note("it is cut off: how many pieces of memory it has is not known, only the first %d are looked at", count)
		} else {
			count = uint64(binary.LittleEndian.Uint32(b[44:]))
		}
	}
	r := bufio.NewReaderSize(io.NewSectionReader(c.r, int64(h.Phoff), maxSegments*progSize), 64<<10)
	if count > maxSegments {
		c.note("only %d of %d pieces of memory are looked at", maxSegments, count)
	}
	for range min(count, maxSegments) {
		var b [progSize]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, fmt.Errorf("cut off within the program headers: %w", err)
		}
		var p elf.Prog64
		if _, err := binary.Decode(b[:], binary.LittleEndian, &p); err != nil {
			return nil, err
		}
		s := segment{p.Vaddr, p.Memsz, p.Off, p.Filesz}
		switch elf.ProgType(p.Type) {
		case elf.PT_NOTE:
			notes = append(notes, s)
		case elf.PT_LOAD:
			c.segments = append(c.segments, s)
		}
	}
	return notes, nil
}

// truncation finds out whether the end of the file is missing.
func (c *reader) truncation() {
	if c.size < 0 {
		return
	}
	var end uint64
	for _, s := range c.segments {
		if s.off+s.file > end && s.off+s.file >= s.off {
			end = s.off + s.file
		}
	}
	cut := end > uint64(c.size)
	c.core.Truncated = model.Some(cut)
	if cut {
		c.note("the core is cut off: %d of %d bytes are there (a limit, ulimit -c, or a full disk)", c.size, end)
	}
}

// find returns the segment that has an address; nil if it is not in the core.
func (c *reader) find(addr uint64) *segment {
	i, _ := slices.BinarySearchFunc(c.segments, addr, func(s segment, addr uint64) int {
		if s.addr <= addr {
			return -1
		}
		return 1
	})
	if i == 0 || addr-c.segments[i-1].addr >= c.segments[i-1].file {
		return nil
	}
	return &c.segments[i-1]
}

// memory reads the process's memory; false if it is not in the core.
func (c *reader) memory(addr uint64, b []byte) bool {
	s := c.find(addr)
	if s == nil || s.file-(addr-s.addr) < uint64(len(b)) || s.off > math.MaxInt64-(addr-s.addr) {
		return false
	}
	n, _ := c.r.ReadAt(b, int64(s.off+(addr-s.addr)))
	return n == len(b)
}

// around reads the memory around an address, as much as is in the same segment.
func (c *reader) around(addr, before, after uint64) (b []byte, start uint64) {
	s := c.find(addr)
	if s == nil {
		return nil, 0
	}
	start = addr - min(before, addr-s.addr)&^7
	b = make([]byte, min(before+after, s.file-(start-s.addr)))
	if !c.memory(start, b) {
		return nil, 0
	}
	return b, start
}

func (c *reader) word(addr uint64) (uint32, bool) {
	var b [4]byte
	ok := c.memory(addr, b[:])
	return binary.LittleEndian.Uint32(b[:]), ok
}

func (c *reader) long(addr uint64) (uint64, bool) {
	var b [8]byte
	ok := c.memory(addr, b[:])
	return binary.LittleEndian.Uint64(b[:]), ok
}
