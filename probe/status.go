package probe

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/ipctop/ipctop/model"
)

// statLine is what ipctop uses of /proc/PID/stat (proc_pid_stat(5)).
type statLine struct {
	comm       string
	state      byte
	ppid       int
	pgrp       int
	session    int
	ttyNr      int
	threads    int
	startTicks uint64
	stopSignal int // of a stopped one; 0 where it is not told
}

// parseStat reads /proc/PID/stat. The command name stands in parentheses and
// may itself hold any byte, so the last one closes it.
func parseStat(b []byte) (statLine, error) {
	var s statLine
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return s, fmt.Errorf("stat: %w: no command name in %q", ErrMalformed, head(b))
	}
	s.comm = string(b[open+1 : end])
	var space [64][]byte
	f := appendFields(space[:0], b[end+1:])
	if len(f) < 20 || len(f[0]) != 1 {
		return s, fmt.Errorf("stat: %w: %d fields after the command name", ErrMalformed, len(f))
	}
	s.state = f[0][0]
	var err error
	num := func(i int) int {
		n, e := strconv.Atoi(string(f[i]))
		if e != nil {
			err = fmt.Errorf("stat: %w: field %d is %q", ErrMalformed, i+3, f[i])
		}
		return n
	}
	s.ppid, s.pgrp, s.session, s.ttyNr, s.threads = num(1), num(2), num(3), num(4), num(17)
	start, e := strconv.ParseUint(string(f[19]), 10, 64)
	if e != nil {
		err = fmt.Errorf("stat: %w: start time is %q", ErrMalformed, f[19])
	}
	s.startTicks = start
	// exit_code: the signal, once all threads have stopped; 0 for those who may
	// not attach to the process, and on older kernels.
	const exitCode = 52 - 3
	if s.state == 'T' && len(f) > exitCode {
		s.stopSignal = num(exitCode) & 0x7f
	}
	return s, err
}

// appendFields appends the words of a line to list: [bytes.Fields] for ASCII, where
// that would allocate for every process.
func appendFields(list [][]byte, line []byte) [][]byte {
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

// fillFromStatus sets what only status tells. Lines a kernel does not have
// leave their field unknown.
func fillFromStatus(p *model.Process, status []byte) {
	if v, ok := StatusField(status, "Uid"); ok {
		if f := bytes.Fields(v); len(f) >= 2 {
			if uid, err := strconv.Atoi(string(f[1])); err == nil {
				p.UID = model.Some(uid)
			}
		}
	}
	if v, ok := StatusField(status, "NSpid"); ok { // Linux 4.1
		if f := bytes.Fields(v); len(f) > 1 {
			for _, s := range f {
				if n, err := strconv.Atoi(string(s)); err == nil {
					p.NSPIDs = append(p.NSPIDs, n)
				}
			}
		}
	}
	if v, ok := StatusField(status, "TracerPid"); ok {
		p.Tracer, _ = strconv.Atoi(string(v))
	}
	if v, ok := StatusField(status, "CoreDumping"); ok { // Linux 4.15
		p.CoreDump = string(v) == "1"
	}
	if v, ok := StatusField(status, "Kthread"); ok { // Linux 6.10
		p.Kernel = string(v) == "1"
	}
}

// ttyName names the controlling terminal of a tty_nr (proc_pid_stat(5),
// Documentation/admin-guide/devices.txt).
func ttyName(nr int) string {
	major, minor := nr>>8&0xfff, nr&0xff|nr>>12&0xfff00
	switch {
	case nr == 0:
		return ""
	case major >= 136 && major <= 143:
		return "/dev/pts/" + itoa((major-136)<<20|minor)
	case major == 4 && minor < 64:
		return "/dev/tty" + itoa(minor)
	case major == 4:
		return "/dev/ttyS" + itoa(minor-64)
	case major == 5 && minor == 1:
		return "/dev/console"
	}
	return itoa(major) + ":" + itoa(minor)
}
