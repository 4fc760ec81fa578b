package corefile

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// fileMapping is a line of NT_FILE.
type fileMapping struct {
	start, end uint64
	offset     uint64 // bytes
	name       string
}

// parseFiles reads NT_FILE: the number of mappings, the page size, the start, end
// and page offset of each, and then their names. Data beyond the end of the note
// is left out.
func parseFiles(b []byte) []fileMapping {
	const head, each = 16, 24
	if len(b) < head {
		return nil
	}
	o := binary.LittleEndian
	count, page := o.Uint64(b), o.Uint64(b[8:])
	if count > uint64(len(b)-head)/each || count > maxMappings {
		return nil
	}
	names := b[head+each*count:]
	var list []fileMapping
	for i := range count {
		e := b[head+each*i:]
		name, rest, ok := bytes.Cut(names, []byte{0})
		if !ok {
			break
		}
		names = rest
		f := fileMapping{start: o.Uint64(e), end: o.Uint64(e[8:]), name: string(name)}
		if f.offset = o.Uint64(e[16:]); page != 0 && f.offset <= math.MaxInt64/page {
			f.offset *= page
		}
		if f.start < f.end && f.end-f.start <= math.MaxInt64 {
			list = append(list, f)
		}
	}
	return list
}

// sharedKind returns the kind of memory that a mapping's name shows; "" for
// ordinary files: for these a core does not say whether the mapping was shared.
func sharedKind(name string) model.Kind {
	switch {
	case strings.HasPrefix(name, "/SYSV"):
		return model.SysvShm
	case strings.HasPrefix(name, "/memfd:"):
		return model.Memfd
	case strings.HasPrefix(name, "/dev/shm/sem."):
		return model.PosixSem
	case strings.HasPrefix(name, "/dev/shm/"):
		return model.PosixShm
	case name == "/dev/zero" || name == "/dev/zero (deleted)" || strings.HasPrefix(name, "/anon_hugepage"):
		return model.ShmAnon
	}
	return ""
}

// shared lists the memory that was shared.
func (c *reader) shared() {
	for _, f := range c.files {
		if len(c.core.Mappings) == maxShared {
			c.note("there are more than %d shared mappings", maxShared)
			return
		}
		if kind := sharedKind(f.name); kind != "" {
			c.core.Mappings = append(c.core.Mappings, Mapping{
				Kind: kind, Name: f.name, Address: model.Addr(f.start), Size: int64(f.end - f.start),
				Offset: int64(min(f.offset, math.MaxInt64)), Content: c.content(f.start, f.end),
			})
		}
	}
}

// content tells how much of an address range is in the core.
func (c *reader) content(start, end uint64) string {
	var there uint64
	for _, s := range c.segments {
		file := s.file
		if c.size >= 0 {
			file = min(file, uint64(c.size)-min(s.off, uint64(c.size)))
		}
		if from, to := max(start, s.addr), min(end, s.addr+file); from < to {
			there += to - from
		}
	}
	switch {
	case there == 0:
		return "none"
	case there >= end-start:
		return "all"
	}
	return "part"
}

// object returns the memory object that has an address, and the offset in it.
func (c *reader) object(addr uint64) (name string, offset uint64) {
	i, _ := slices.BinarySearchFunc(c.files, addr, func(f fileMapping, addr uint64) int {
		if f.start <= addr {
			return -1
		}
		return 1
	})
	if i == 0 || addr >= c.files[i-1].end {
		return "", 0
	}
	f := &c.files[i-1]
	return f.name, addr - f.start + f.offset
}
