package proc

import (
	"bytes"
	"fmt"
	"strconv"
)

// Stat is what ipctop uses of /proc/PID/stat (proc_pid_stat(5)).
type Stat struct {
	Comm       string
	State      byte
	Ppid       int
	Pgrp       int
	Session    int
	TtyNr      int
	Threads    int
	StartTicks uint64
	StopSignal int  // of a stopped process; 0 if it is not known
	Kernel     bool // it is a kernel thread
}

// ParseStat reads /proc/PID/stat. The command name is in parentheses and may
// contain any byte, so the last closing parenthesis ends it.
func ParseStat(b []byte) (Stat, error) {
	var s Stat
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return s, fmt.Errorf("stat: %w: no command name in %q", ErrMalformed, head(b))
	}
	s.Comm = string(b[open+1 : end])
	var space [64][]byte
	f := AppendFields(space[:0], b[end+1:])
	if len(f) < 20 || len(f[0]) != 1 {
		return s, fmt.Errorf("stat: %w: %d fields after the command name", ErrMalformed, len(f))
	}
	s.State = f[0][0]
	var err error
	num := func(i int) int {
		n, e := strconv.Atoi(string(f[i]))
		if e != nil {
			err = fmt.Errorf("stat: %w: field %d is %q", ErrMalformed, i+3, f[i])
		}
		return n
	}
	s.Ppid, s.Pgrp, s.Session, s.TtyNr, s.Threads = num(1), num(2), num(3), num(4), num(17)
	start, e := strconv.ParseUint(string(f[19]), 10, 64)
	if e != nil {
		err = fmt.Errorf("stat: %w: start time is %q", ErrMalformed, f[19])
	}
	s.StartTicks = start
	const kernelThread = 0x00200000 // PF_KTHREAD of include/linux/sched.h
	flags, e := strconv.ParseUint(string(f[6]), 10, 32)
	if e != nil {
		err = fmt.Errorf("stat: %w: flags are %q", ErrMalformed, f[6])
	}
	s.Kernel = flags&kernelThread != 0
	// exit_code: the signal, once all threads have stopped. It is 0 for readers
	// who may not attach to the process, and on older kernels.
	const exitCode = 52 - 3
	if s.State == 'T' && len(f) > exitCode {
		s.StopSignal = num(exitCode) & 0x7f
	}
	return s, err
}

// AppendFields appends the words of a line, separated by spaces, to list.
// [bytes.Fields] would allocate for every process.
func AppendFields(list [][]byte, line []byte) [][]byte {
	start := -1
	for i, c := range line {
		switch blank := c == ' ' || c == '\n'; {
		case blank && start >= 0:
			list = append(list, line[start:i])
			start = -1
		case !blank && start < 0:
			start = i
		}
	}
	if start >= 0 {
		list = append(list, line[start:])
	}
	return list
}

func head(b []byte) []byte { return b[:min(len(b), 40)] }

// StatusField returns the value of a line of a status file
// (proc_pid_status(5)), without surrounding blanks.
func StatusField(status []byte, name string) ([]byte, bool) {
	for len(status) > 0 {
		line := status
		if i := bytes.IndexByte(status, '\n'); i >= 0 {
			line, status = status[:i], status[i+1:]
		} else {
			status = nil
		}
		if len(line) > len(name) && line[len(name)] == ':' && string(line[:len(name)]) == name {
			return bytes.TrimSpace(line[len(name)+1:]), true
		}
	}
	return nil, false
}

// TTYName names the controlling terminal of a tty_nr (proc_pid_stat(5),
// Documentation/admin-guide/devices.txt).
func TTYName(nr int) string {
	major, minor := nr>>8&0xfff, nr&0xff|nr>>12&0xfff00
	switch {
	case nr == 0:
		return ""
	case major >= 136 && major <= 143:
		return "/dev/pts/" + strconv.Itoa((major-136)<<20|minor)
	case major == 4 && minor < 64:
		return "/dev/tty" + strconv.Itoa(minor)
	case major == 4:
		return "/dev/ttyS" + strconv.Itoa(minor-64)
	case major == 5 && minor == 1:
		return "/dev/console"
	}
	return strconv.Itoa(major) + ":" + strconv.Itoa(minor)
}

// UnescapeName undoes what the kernel does to the Name line of status: \n and
// \\ stand for a newline and a backslash (fs/proc/array.c, proc_task_name).
func UnescapeName(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b)
	}
	b = bytes.ReplaceAll(b, []byte(`\\`), []byte{0})
	b = bytes.ReplaceAll(b, []byte(`\n`), []byte{'\n'})
	return string(bytes.ReplaceAll(b, []byte{0}, []byte(`\`)))
}
