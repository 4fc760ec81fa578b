package waitstate

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/ipctop/ipctop/proc"
)

// syscallLine is the content of /proc/PID/task/TID/syscall (proc_pid_syscall(5),
// Linux 2.6.27).
type syscallLine struct {
	state  syscallState
	number int
	args   [6]uint64
	sp, pc uint64
}

type syscallState int

const (
	inCall  syscallState = iota
	running              // on a processor, or about to be
	outside              // blocked, but not in a call: in a page fault, stopped, or ended
)

// parseSyscall parses the line: "running", "-1 SP PC", or a decimal number followed by eight
// hexadecimal ones.
func parseSyscall(b []byte) (syscallLine, error) {
	var l syscallLine
	malformed := func() (syscallLine, error) {
		return syscallLine{}, fmt.Errorf("syscall: %w: %q", proc.ErrMalformed, b[:min(len(b), 40)])
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	if string(b) == "running" {
		l.state = running
		return l, nil
	}
	word, rest, ok := bytes.Cut(b, []byte(" "))
	number, err := strconv.Atoi(string(word))
	if err != nil || !ok {
		return malformed()
	}
	l.number = number
	var values [8]uint64
	n := 0
	for more := true; more; n++ {
		word, rest, more = bytes.Cut(rest, []byte(" "))
		hex, ok := bytes.CutPrefix(word, []byte("0x"))
		v, err := strconv.ParseUint(string(hex), 16, 64)
		if !ok || err != nil || n == len(values) {
			return malformed()
		}
		values[n] = v
	}
	switch {
	case n == 2 && number == -1:
		l.state, l.sp, l.pc = outside, values[0], values[1]
	case n == 8 && number >= 0:
		copy(l.args[:], values[:6])
		l.sp, l.pc = values[6], values[7]
	default:
		return malformed()
	}
	return l, nil
}

// fd is an argument that is a descriptor.
func (l *syscallLine) fd(i int) int32 { return int32(l.args[i]) }

// maybe32 reports whether the thread may belong to a 32-bit program. Such a program has its
// stack and code below 4 GiB; a 64-bit program hardly ever has both there.
func (l *syscallLine) maybe32() bool { return l.sp < 1<<32 && l.pc < 1<<32 }
