package waitstate

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"path"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/waitstate/pthread"
)

// program identifies a program that a process runs; after an exec it is another one.
type program struct {
	pid   int
	ticks uint64
	exe   string
}

// runtimes caches the language runtimes of programs; "" for no known one. Entries of processes
// that have ended are dropped.
type runtimes map[program]string

func programOf(p *model.Process) program { return program{p.PID, p.StartTicks, p.Exe} }

// runtime recognises the language runtime of a process with several threads; "" if it has no
// known one. Java and Node.js are recognised by the program's name, Go by a note that its
// linker puts into each program.
func (v *visit) runtime(known runtimes) string {
	p := v.proc.Model
	if p.Threads < 2 {
		return ""
	}
	switch path.Base(strings.TrimSuffix(p.Exe, " (deleted)")) {
	case "java":
		return model.RuntimeJVM
	case "node", "nodejs":
		return model.RuntimeNode
	}
	if r, ok := known[programOf(p)]; ok {
		return r
	}
	if len(v.threads) > 0 && v.isGo(v.threads[0].tid) {
		return model.RuntimeGo
	}
	return ""
}

// isGo reports whether a process runs a Go program, by the program headers and notes
// in its memory: the file itself is not opened.
func (v *visit) isGo(tid int) bool {
	b, err := v.proc.Dir.ReadFile("auxv", nil)
	if err != nil {
		return false
	}
	addr, n := programHeaders(b)
	if addr == 0 || n == 0 || n > 64 {
		return false
	}
	b, err = v.mem.read(tid, addr, n*programHeaderSize)
	if err != nil {
		return false
	}
	for _, s := range parseSegments(b, addr) {
		switch s.kind {
		case elf.PT_NOTE:
			if b, err := v.mem.read(tid, s.addr, int(min(s.size, 4096))); err == nil && hasGoNote(b) {
				return true
			}
		case elf.PT_LOAD:
			if b, err := v.mem.read(tid, s.addr, len(goBuildInfo)); s.writable && err == nil && string(b) == goBuildInfo {
				return true
			}
		}
	}
	return false
}

// goBuildInfo is the beginning of a Go program's build information, which is at the
// beginning of its data.
const goBuildInfo = "\xff Go buildinf:"

// programHeaderSize is the size of a 64-bit ELF program header (elf(5)).
const programHeaderSize = 56

// programHeaders returns the address and the number of a 64-bit program's program headers,
// from its auxiliary vector (getauxval(3)).
func programHeaders(auxv []byte) (addr uint64, n int) {
	const where, number = 3 /* AT_PHDR */, 5 /* AT_PHNUM */
	order := binary.NativeEndian
	for ; len(auxv) >= 16; auxv = auxv[16:] {
		switch order.Uint64(auxv) {
		case where:
			addr = order.Uint64(auxv[8:])
		case number:
			n = int(min(order.Uint64(auxv[8:]), 1<<16))
		}
	}
	return addr, n
}

// segment is a part of a program in memory.
type segment struct {
	kind       elf.ProgType
	writable   bool
	addr, size uint64
}

// parseSegments parses program headers that are at an address. The load address follows from
// the header that describes the headers themselves; without that the result is
// empty.
func parseSegments(b []byte, at uint64) (list []segment) {
	order := binary.NativeEndian
	var bias uint64
	loaded := false
	for ; len(b) >= programHeaderSize; b = b[programHeaderSize:] {
		s := segment{elf.ProgType(order.Uint32(b)), order.Uint32(b[4:])&uint32(elf.PF_W) != 0, order.Uint64(b[16:]), order.Uint64(b[40:])}
		if s.kind == elf.PT_PHDR {
			bias, loaded = at-s.addr, true
		}
		list = append(list, s)
	}
	if !loaded {
		return nil
	}
	for i := range list {
		list[i].addr += bias
	}
	return list
}

// hasGoNote reports whether the notes contain one of the Go linker: its build id, type 4
// (cmd/link).
func hasGoNote(b []byte) bool {
	order := binary.NativeEndian
	const buildID = 4
	for len(b) >= 12 {
		name, desc, kind := uint64(order.Uint32(b)), uint64(order.Uint32(b[4:])), order.Uint32(b[8:])
		b = b[12:]
		if kind == buildID && name == 4 && bytes.HasPrefix(b, []byte("Go\x00\x00")) {
			return true
		}
		b = b[min((name+3)&^3+(desc+3)&^3, uint64(len(b))):]
	}
	return false
}

// markMonitorOf marks the monitor thread of the Go runtime (sysmon). It sleeps in nanosleep,
// or for a limited time at a private futex; a goroutine that sleeps does neither. If several
// threads do so, it is not known which one is the monitor.
func (v *visit) markMonitorOf(p *model.Process) {
	var monitor *thread
	for _, t := range v.threads {
		if t.tid == p.PID || !t.timed || t.call != "nanosleep" && !runtimeSleep(t) {
			continue
		}
		if monitor != nil {
			return
		}
		monitor = t
	}
	if monitor != nil {
		monitor.monitor = true
	}
}

// runtimeSleep reports whether a thread sleeps with a timeout in the way of the Go runtime:
// a private FUTEX_WAIT with a time limit on a word that is 0. No function of the C library
// does that.
func runtimeSleep(t *thread) bool {
	if len(t.futexes) != 1 || t.set {
		return false
	}
	w := &t.futexes[0].wait
	return w.Private && w.Call == pthread.Plain && w.Value == 0
}

// cacheRuntimes returns the cache for the next scan, with the programs that still run.
func (r *pass) cacheRuntimes() runtimes {
	next := make(runtimes, len(r.found))
	for p, name := range r.found {
		next[programOf(p)] = name
	}
	return next
}
