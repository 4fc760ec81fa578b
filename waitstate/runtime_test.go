package waitstate

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"testing"
	"unsafe"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/waitstate/pthread"
)

// header is a 64-bit program header.
func header(kind elf.ProgType, flags elf.ProgFlag, addr, size uint64) []byte {
	b := make([]byte, programHeaderSize)
	order := binary.NativeEndian
	order.PutUint32(b, uint32(kind))
	order.PutUint32(b[4:], uint32(flags))
	order.PutUint64(b[16:], addr)
	order.PutUint64(b[40:], size)
	return b
}

func note(name string, kind uint32, desc int) []byte {
	b := make([]byte, 12, 64)
	order := binary.NativeEndian
	order.PutUint32(b, uint32(len(name)))
	order.PutUint32(b[4:], uint32(desc))
	order.PutUint32(b[8:], kind)
	b = append(b, name...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return append(b, make([]byte, (desc+3)&^3)...)
}

func TestParseSegments(t *testing.T) {
	text := bytes.Join([][]byte{
		header(elf.PT_PHDR, elf.PF_R, 0x40, 0x200), header(elf.PT_NOTE, elf.PF_R, 0xf5c, 0x64), header(elf.PT_LOAD, elf.PF_R|elf.PF_W, 0xff00, 1<<20),
	}, nil)
	const at = 0x5555_0000_0040
	list := parseSegments(append(text, 1, 2, 3), at)
	if len(list) != 3 || list[1] != (segment{elf.PT_NOTE, false, 0x5555_0000_0f5c, 0x64}) || list[2] != (segment{elf.PT_LOAD, true, 0x5555_0000_ff00, 1 << 20}) {
		t.Errorf("got %+v", list)
	}
	if list := parseSegments(text[programHeaderSize:], at); list != nil {
		t.Errorf("where it was loaded is not known, and yet %+v", list)
	}
}

func TestHasGoNote(t *testing.T) {
	gnu, golang := note("GNU\x00", 3, 20), note("Go\x00\x00", 4, 83)
	for _, tt := range []struct {
		name string
		text []byte
		want bool
	}{
		{"Go", golang, true},
		{"after another one", append(bytes.Clone(gnu), golang...), true},
		{"another one", gnu, false},
		{"of another type", note("Go\x00\x00", 1, 8), false},
		{"none", nil, false},
		{"a size beyond the end", note("x", 9, 1)[:13], false},
	} {
		if got := hasGoNote(tt.text); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func FuzzRuntime(f *testing.F) {
	f.Add(append(header(elf.PT_PHDR, elf.PF_R, 0x40, 0x200), note("Go\x00\x00", 4, 83)...), uint64(1<<40))
	f.Fuzz(func(t *testing.T, b []byte, at uint64) {
		hasGoNote(b)
		if list := parseSegments(b, at); len(list) > len(b)/programHeaderSize {
			t.Errorf("%d segments in %d bytes", len(list), len(b))
		}
		if _, n := programHeaders(b); n < 0 {
			t.Errorf("%d program headers", n)
		}
	})
}

// TestProgramHeaders finds the program headers of this test, which is a 64-bit program.
func TestProgramHeaders(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the auxiliary vector of a 32-bit program looks otherwise")
	}
	b, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		t.Fatal(err)
	}
	if addr, n := programHeaders(b); addr == 0 || n < 3 || n > 64 {
		t.Errorf("%d at %#x", n, addr)
	}
}

// TestMonitor distinguishes the monitor of the Go runtime from sleeping threads of the program.
func TestMonitor(t *testing.T) {
	sleeps := func(tid int, call string, w pthread.Wait) *thread {
		s := &thread{tid: tid, waiting: &waiting{call: call, timed: true}}
		if call == "futex" {
			s.futexes = []futexWait{{wait: w}}
		}
		return s
	}
	private := pthread.Wait{Private: true}
	for _, tt := range []struct {
		name    string
		threads []*thread
		want    int // tid
	}{
		{"at a word", []*thread{sleeps(1, "futex", private), sleeps(2, "futex", private)}, 2},
		{"in nanosleep", []*thread{sleeps(2, "nanosleep", pthread.Wait{})}, 2},
		{"two of them", []*thread{sleeps(2, "nanosleep", pthread.Wait{}), sleeps(3, "futex", private)}, 0},
		{"the main thread", []*thread{sleeps(1, "nanosleep", pthread.Wait{})}, 0},
		{"as the C library waits", []*thread{sleeps(2, "futex", pthread.Wait{Private: true, Call: pthread.Bitset})}, 0},
		{"in the C library's sleep", []*thread{sleeps(2, "clock_nanosleep", pthread.Wait{})}, 0},
		{"in a poll", []*thread{sleeps(2, "epoll_pwait", pthread.Wait{})}, 0},
	} {
		v := visit{threads: tt.threads}
		v.markMonitorOf(&model.Process{PID: 1})
		got := 0
		for _, s := range tt.threads {
			if s.monitor {
				got = s.tid
			}
		}
		if got != tt.want {
			t.Errorf("%s: thread %d, want %d", tt.name, got, tt.want)
		}
	}
}
