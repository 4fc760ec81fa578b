package corefile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/ipctop/ipctop/model"
)

// The notes that are read (linux/elf.h).
const (
	noteStatus  = 1          // NT_PRSTATUS, one a thread
	noteProcess = 3          // NT_PRPSINFO
	noteSiginfo = 0x53494749 // NT_SIGINFO
	noteFiles   = 0x46494c45 // NT_FILE
	noteTLS     = 0x401      // NT_ARM_TLS
)

const (
	maxName    = 64
	maxSmall   = 1024 // for the notes that have a fixed size
	processLen = 136
	siginfoLen = 128
)

// notes reads a PT_NOTE segment.
func (c *reader) notes(s segment) error {
	if s.off > math.MaxInt64-min(s.file, math.MaxInt64) {
		return errors.New("they are nowhere in the file")
	}
	r := bufio.NewReaderSize(io.NewSectionReader(c.r, int64(s.off), int64(min(s.file, math.MaxInt64-s.off))), 64<<10)
	for {
		var h [12]byte
		if _, err := io.ReadFull(r, h[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		o := binary.LittleEndian
		name, size, kind := int64(o.Uint32(h[0:])), int64(o.Uint32(h[4:])), o.Uint32(h[8:])
		if name > maxName {
			return fmt.Errorf("a note's name of %d bytes", name)
		}
		if err := skip(r, align(name)); err != nil {
			return err
		}
		limit := int64(0)
		switch kind {
		case noteStatus, noteProcess, noteSiginfo, noteTLS:
			limit = maxSmall
		case noteFiles:
			limit = maxFileNote
		}
		var desc []byte
		if size <= limit {
			// Grow with the data in the file: the note may claim more than there is.
			var b bytes.Buffer
			if _, err := io.CopyN(&b, r, size); err != nil {
				return io.ErrUnexpectedEOF
			}
			desc = b.Bytes()
			if err := skip(r, align(size)-size); err != nil {
				return nil // the last note need not be padded
			}
		} else if err := skip(r, align(size)); err != nil {
			return err
		}
		if err := c.take(kind, desc); err != nil {
			return err
		}
	}
}

func align(n int64) int64 { return (n + 3) &^ 3 }

func skip(r io.Reader, n int64) error {
	if _, err := io.CopyN(io.Discard, r, n); err != nil {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (c *reader) take(kind uint32, b []byte) error {
	switch {
	case kind == noteStatus && len(b) >= c.arch.statusLen:
		if len(c.core.Threads) == maxThreads {
			return fmt.Errorf("more than %d threads", maxThreads)
		}
		c.status(b)
	case kind == noteProcess && len(b) >= processLen:
		// The kernel writes the thread that got the signal first; gdb writes the process first.
		c.core.Living = len(c.core.Threads) == 0
		c.process(b)
	case kind == noteSiginfo && len(b) >= siginfoLen && !c.siginfo:
		c.siginfo = true
		c.signal(b)
	case kind == noteFiles:
		c.files = parseFiles(b)
	case kind == noteTLS && len(b) >= 8 && len(c.core.Threads) > 0:
		c.core.Threads[len(c.core.Threads)-1].pointer = binary.LittleEndian.Uint64(b)
	}
	return nil
}

// status reads struct elf_prstatus: cursig@12, sigpend@16, sighold@24, pid@32,
// registers@112.
func (c *reader) status(b []byte) {
	o := binary.LittleEndian
	t := Thread{
		TID: int(int32(o.Uint32(b[32:]))), Pending: signalSet(o.Uint64(b[16:])), Blocked: signalSet(o.Uint64(b[24:])),
	}
	c.arch.registers(b[registersAt:], &t)
	if n := int(int16(o.Uint16(b[12:]))); len(c.core.Threads) == 0 && n > 0 && c.core.Signal == nil {
		c.core.Signal = &Signal{Name: model.SignalName(n)}
	}
	c.core.Threads = append(c.core.Threads, t)
}

const registersAt = 112

// process reads struct elf_prpsinfo: uid@16, pid@24, ppid@28, fname@40, psargs@56.
func (c *reader) process(b []byte) {
	o := binary.LittleEndian
	c.core.Process = Process{
		PID: int(int32(o.Uint32(b[24:]))), PPID: int(int32(o.Uint32(b[28:]))), UID: model.Some(int(o.Uint32(b[16:]))),
		Comm: untilNUL(b[40:56]), Args: string(bytes.TrimRight(bytes.ReplaceAll(bytes.TrimRight(b[56:136], "\x00"), []byte{0}, []byte{' '}), " ")),
	}
}

func untilNUL(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}

// signalSet names the signals of a mask.
func signalSet(mask uint64) []string {
	list := []string{}
	for n := 1; n <= model.MaxSignal; n++ {
		if mask>>(n-1)&1 != 0 {
			list = append(list, model.SignalName(n))
		}
	}
	return list
}

// signal reads struct siginfo: signo@0, code@8; from a process pid@16, uid@20;
// from a fault address@16.
func (c *reader) signal(b []byte) {
	o := binary.LittleEndian
	n, code := int(int32(o.Uint32(b[0:]))), int(int32(o.Uint32(b[8:])))
	if n <= 0 {
		return // gcore writes this for a process that got no signal
	}
	s := &Signal{Name: model.SignalName(n), Code: codeName(n, code)}
	switch {
	case code == codeUser || code == codeQueue || code == codeTkill:
		s.Sender, s.UID = model.Some(int(int32(o.Uint32(b[16:])))), model.Some(int(o.Uint32(b[20:])))
	case code > 0 && code != codeKernel && faults[n] != nil:
		s.Address = model.Some(model.Addr(o.Uint64(b[16:])))
	}
	c.core.Signal = s
}
