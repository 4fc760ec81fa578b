package sockets

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// readNet reads a table from /proc/thread-self/net (proc_pid_net(5)): that of
// the calling thread's network namespace. If ipctop is not visible in a proc
// file system, that has no thread-self. As the namespace is the thread's,
// ipctop's own proc file system can be used instead.
func readNet(s *probe.Scan, name string) ([]byte, error) {
	var err error
	for _, root := range []string{s.ProcRoot, "/proc"} {
		var dir *proc.Dir
		if dir, err = proc.OpenDir(root + "/thread-self/net"); err != nil {
			continue
		}
		var b []byte
		b, err = dir.ReadFile(name, nil)
		dir.Close()
		if err == nil {
			return b, nil
		}
	}
	return nil, err
}

// eachLine calls f for each line of a table after its heading. A malformed line
// costs only that line; all of them become one gap.
func eachLine(table []byte, out *probe.Collector, name string, f func(line []byte) error) {
	first := true
	bad := failures{what: "line"}
	for line := range bytes.Lines(table) {
		if first {
			first = false
			continue
		}
		if err := f(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			bad.add(err)
		}
	}
	bad.report(out, "/proc/net/"+name)
}

// failures counts failures, and keeps the first error as an example.
type failures struct {
	what  string
	count int
	first error
}

func (m *failures) add(err error) {
	if m.count == 0 {
		m.first = err
	}
	m.count++
}

func (m *failures) report(out *probe.Collector, path string) {
	if m.count > 0 {
		out.Gap(model.Gap{Reason: model.Malformed, Op: "read table", Path: path, Count: m.count, Detail: m.what + ": " + m.first.Error()})
	}
}

// missingTable reports whether the error means that the kernel has no such
// table, rather than that it could not be read.
func missingTable(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// columns splits a line into blank-separated columns without allocating.
type columns struct{ rest []byte }

// next returns the next column; nil if there is none.
func (c *columns) next() []byte {
	i := 0
	for i < len(c.rest) && c.rest[i] == ' ' {
		i++
	}
	start := i
	for i < len(c.rest) && c.rest[i] != ' ' {
		i++
	}
	field := c.rest[start:i]
	c.rest = c.rest[i:]
	if len(field) == 0 {
		return nil
	}
	return field
}

// number returns the next column as a number in the base (10 or 16). err keeps
// the first error.
func (c *columns) number(base uint64, err *error, what string) uint64 {
	f := c.next()
	n, ok := parseNumber(f, base)
	if !ok && *err == nil {
		*err = fmt.Errorf("%w: %s is %q", proc.ErrMalformed, what, f)
	}
	return n
}

func parseNumber(b []byte, base uint64) (uint64, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	n := uint64(0)
	for _, c := range b {
		d := uint64(255)
		switch {
		case c >= '0' && c <= '9':
			d = uint64(c - '0')
		case c >= 'a' && c <= 'f':
			d = uint64(c-'a') + 10
		case c >= 'A' && c <= 'F':
			d = uint64(c-'A') + 10
		}
		if d >= base || n > (1<<64-1-d)/base {
			return 0, false
		}
		n = n*base + d
	}
	return n, true
}
