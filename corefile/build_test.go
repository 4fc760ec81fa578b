package corefile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

var arches64 = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// builder makes cores by hand.
type builder struct {
	machine elf.Machine
	signal  uint16 // that the first thread had got
	notes   bytes.Buffer
	memory  []struct {
		addr uint64
		b    []byte
	}
}

func (b *builder) note(kind uint32, desc []byte) {
	_ = binary.Write(&b.notes, binary.LittleEndian, []uint32{5, uint32(len(desc)), kind})
	b.notes.WriteString("CORE\x00\x00\x00\x00")
	b.notes.Write(desc)
	b.notes.Write(make([]byte, align(int64(len(desc)))-int64(len(desc))))
}

func (b *builder) status(tid uint32, blocked uint64, registers map[int]uint64) {
	d := make([]byte, arches[b.machine].statusLen)
	binary.LittleEndian.PutUint16(d[12:], b.signal)
	binary.LittleEndian.PutUint64(d[24:], blocked)
	binary.LittleEndian.PutUint32(d[32:], tid)
	for i, v := range registers {
		binary.LittleEndian.PutUint64(d[registersAt+8*i:], v)
	}
	b.note(noteStatus, d)
}

func (b *builder) siginfo(signal, code, pid, uid int32) {
	d := make([]byte, siginfoLen)
	for i, v := range map[int]int32{0: signal, 8: code, 16: pid, 20: uid} {
		binary.LittleEndian.PutUint32(d[i:], uint32(v))
	}
	b.note(noteSiginfo, d)
}

func (b *builder) process(pid uint32, comm string) {
	d := make([]byte, processLen)
	binary.LittleEndian.PutUint32(d[24:], pid)
	copy(d[40:], comm)
	copy(d[56:], comm+" -v ")
	b.note(noteProcess, d)
}

func (b *builder) files(page uint64, list ...fileMapping) {
	var d, names bytes.Buffer
	_ = binary.Write(&d, binary.LittleEndian, []uint64{uint64(len(list)), page})
	for _, f := range list {
		_ = binary.Write(&d, binary.LittleEndian, []uint64{f.start, f.end, f.offset})
		names.WriteString(f.name + "\x00")
	}
	b.note(noteFiles, append(d.Bytes(), names.Bytes()...))
}

func (b *builder) addMemory(addr uint64, content []byte) {
	b.memory = append(b.memory, struct {
		addr uint64
		b    []byte
	}{addr, content})
}

func (b *builder) build() []byte {
	h := elf.Header64{
		Type: uint16(elf.ET_CORE), Machine: uint16(b.machine), Version: 1, Phoff: headerSize, Ehsize: headerSize,
		Phentsize: progSize, Phnum: uint16(1 + len(b.memory)),
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB)
	var out, data bytes.Buffer
	_ = binary.Write(&out, binary.LittleEndian, h)
	at := uint64(headerSize + progSize*int(h.Phnum))
	add := func(kind elf.ProgType, addr uint64, content []byte) {
		_ = binary.Write(&out, binary.LittleEndian, elf.Prog64{
			Type: uint32(kind), Off: at + uint64(data.Len()), Vaddr: addr, Filesz: uint64(len(content)), Memsz: uint64(len(content)),
		})
		data.Write(content)
	}
	add(elf.PT_NOTE, 0, b.notes.Bytes())
	for _, m := range b.memory {
		add(elf.PT_LOAD, m.addr, m.b)
	}
	return append(out.Bytes(), data.Bytes()...)
}

// sample is a core with two threads: the first holds a robust mutex in memory that
// is not in the core, the second is blocked on a futex in memory that is.
func sample(machine elf.Machine) []byte {
	const tls, shared, lock = 0x10000, 0x20000, 0x20040
	b := &builder{machine: machine, signal: 3}
	memory := make([]byte, 0x2000)
	put := func(at int, v uint64) { binary.LittleEndian.PutUint64(memory[at:], v) }
	// struct pthread as glibc has it: thread id, and 16 bytes on the list's head.
	put(0x12d0, 100)
	put(0x12e0, lock+32)
	put(0x12e8, ^uint64(31))
	word := make([]byte, 0x1000)
	binary.LittleEndian.PutUint32(word[0x40:], 100|waitersBit)
	binary.LittleEndian.PutUint64(word[0x60:], tls+0x12e0)
	wait := []uint64{lock, futexWait, 100 | waitersBit}
	if machine == elf.EM_X86_64 {
		b.status(100, 1<<9, map[int]uint64{15: ^uint64(0), 21: tls + 0x1000})
	} else {
		b.status(100, 1<<9, map[int]uint64{8: maxCall})
		b.note(noteTLS, binary.LittleEndian.AppendUint64(nil, tls+0x1000))
	}
	b.process(100, "sample")
	b.siginfo(3, 0, 77, 1000)
	b.files(4096, fileMapping{0x5000, 0x6000, 0, "/usr/bin/sample"}, fileMapping{shared, shared + 0x1000, 2, "/memfd:x (deleted)"},
		fileMapping{0x30000, 0x32000, 0, "/SYSV0000004d (deleted)"})
	if machine == elf.EM_X86_64 {
		b.status(101, 0, map[int]uint64{15: 202, 14: wait[0], 13: wait[1], 12: wait[2], 10: ^uint64(511)})
	} else {
		b.status(101, 0, map[int]uint64{8: 98, 0: ^uint64(511), 1: wait[1], 2: wait[2]})
	}
	b.addMemory(tls, memory)
	b.addMemory(shared, word)
	return b.build()
}

func TestRead(t *testing.T) {
	for name, machine := range arches64 {
		core := sample(machine)
		c, err := Read(bytes.NewReader(core), int64(len(core)))
		if err != nil {
			t.Fatal(err)
		}
		if c.Arch != name || c.Process.PID != 100 || c.Process.Comm != "sample" || c.Process.Args != "sample -v" || len(c.Notes) != 0 {
			t.Errorf("%s: %+v", name, c)
		}
		if s := c.Signal; s.Name != "SIGQUIT" || s.Code != "SI_USER" || s.Sender != model.Some(77) || s.UID != model.Some(1000) {
			t.Errorf("%s: %+v", name, s)
		}
		if len(c.Threads) != 2 {
			t.Fatalf("%s: %+v", name, c.Threads)
		}
		first, second := c.Threads[0], c.Threads[1]
		if first.Call != nil || !slices.Equal(first.Blocked, []string{"SIGUSR1"}) || len(first.Pending) != 0 {
			t.Errorf("%s: %+v", name, first)
		}
		if len(first.Locks) != 1 || first.Locks[0].Object != "/memfd:x (deleted)" || first.Locks[0].Offset != model.Some[int64](0x2040) ||
			first.Locks[0].Waiters != model.Some(true) {
			t.Errorf("%s: %+v", name, first.Locks)
		}
		if second.Call == nil || second.Call.Name != "futex" || !second.Call.Interrupted {
			t.Fatalf("%s: %+v", name, second.Call)
		}
		if name == "amd64" && (second.Call.Owner != 100 || second.Call.Text != "futex at /memfd:x (deleted)+0x2040, held by thread 100") {
			t.Errorf("%+v", second.Call)
		}
		if len(c.Mappings) != 2 || c.Mappings[0].Content != "all" || c.Mappings[1].Kind != model.SysvShm || c.Mappings[1].Content != "none" {
			t.Errorf("%s: %+v", name, c.Mappings)
		}
		if c.Truncated != model.Some(false) {
			t.Errorf("%s: truncated", name)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	doctor := func(at int, v byte) []byte {
		b := sample(elf.EM_X86_64)
		b[at] = v
		return b
	}
	for name, test := range map[string]struct {
		core []byte
		says string
		not  bool // it is not a core
	}{
		"text":         {[]byte("core of the matter"), "does not begin like an ELF file", true},
		"empty":        {nil, "does not begin", true},
		"program":      {doctor(16, byte(elf.ET_EXEC)), "it is a program", true},
		"library":      {doctor(16, byte(elf.ET_DYN)), "it is a program or library", true},
		"riscv":        {doctor(18, byte(elf.EM_RISCV)), "another architecture (EM_RISCV)", false},
		"32 bits":      {doctor(elf.EI_CLASS, byte(elf.ELFCLASS32)), "a 32-bit process", false},
		"headers":      {doctor(54, 1), "program headers of 1 bytes", false},
		"first header": {sample(elf.EM_X86_64)[:40], "cut off within its first header", false},
		"its headers":  {sample(elf.EM_X86_64)[:70], "cut off within the program headers", false},
		"no notes":     {sample(elf.EM_X86_64)[:240], "no thread in this core file", false},
	} {
		_, err := Read(bytes.NewReader(test.core), int64(len(test.core)))
		if err == nil || !strings.Contains(err.Error(), test.says) || errors.Is(err, ErrNotCore) != test.not {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadCutOff(t *testing.T) {
	core := sample(elf.EM_X86_64)
	core = core[:len(core)-0x1000+0x10] // before the futex
	c, err := Read(bytes.NewReader(core), int64(len(core)))
	if err != nil {
		t.Fatal(err)
	}
	if c.Truncated != model.Some(true) || len(c.Threads) != 2 || c.Threads[1].Call.Owner != 0 || c.Mappings[0].Content != "part" {
		t.Errorf("%+v", c)
	}
	if text := strings.Join(c.Notes, "\n"); !strings.Contains(text, "cut off") || !strings.Contains(text, "may have held more locks") {
		t.Errorf("%q", text)
	}
}

func TestSignals(t *testing.T) {
	b := &builder{machine: elf.EM_X86_64, signal: 11}
	b.status(1, 0, nil)
	b.siginfo(11, 1, 0x1234, 0)
	core := b.build()
	c, err := Read(bytes.NewReader(core), int64(len(core)))
	if err != nil {
		t.Fatal(err)
	}
	if s := c.Signal; s.Name != "SIGSEGV" || s.Code != "SEGV_MAPERR" || s.Address != model.Some(model.Addr(0x1234)) || s.Sender.Known() {
		t.Errorf("%+v", s)
	}
}

// A core that gdb wrote of a living process is not taken for one of a process that was killed.
func TestLiving(t *testing.T) {
	const debugger, kernel = true, false
	for _, test := range []struct {
		signal  int32
		process bool // whether it comes before its threads
		living  bool
		name    string // of the signal
	}{
		{19, debugger, true, ""},
		{19, kernel, true, ""},
		{0, debugger, true, ""},
		{0, kernel, true, ""},
		{17, kernel, true, ""},
		{11, debugger, true, "SIGSEGV"},
		{11, kernel, false, "SIGSEGV"},
		{3, kernel, false, "SIGQUIT"},
		{31, kernel, false, "SIGSYS"},
	} {
		b := &builder{machine: elf.EM_X86_64, signal: uint16(test.signal)}
		if test.process {
			b.process(1, "x")
		}
		b.status(1, 0, nil)
		if !test.process {
			b.process(1, "x")
		}
		b.siginfo(test.signal, codeKernel, 0, 0)
		core := b.build()
		c, err := Read(bytes.NewReader(core), int64(len(core)))
		if err != nil {
			t.Fatal(err)
		}
		name := ""
		if c.Signal != nil {
			name = c.Signal.Name
		}
		if c.Living != test.living || name != test.name || c.Process.Comm != "x" {
			t.Errorf("%+v: %+v, signal %q", test, c, name)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample(elf.EM_X86_64))
	f.Add(sample(elf.EM_AARCH64))
	f.Add(sample(elf.EM_X86_64)[:1000])
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Read(bytes.NewReader(b), int64(len(b)))
		if (c == nil) == (err == nil) {
			t.Errorf("%v, %v", c, err)
		}
		_, _ = Read(bytes.NewReader(b), -1)
	})
}
