package sysv

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/ipctop/ipctop/proc"
)

// parseText reads /proc/sysvipc/{msg,sem,shm} (proc_sysvipc(5)). names maps the
// words of the heading to columns. Kernels have added columns over time (rss
// and swap in 2.6.34): a missing column stays unknown, and an unknown one is
// ignored. There is one error for each line that could not be read.
func parseText(text []byte, names map[string]column) (records []record, errs []error) {
	head, rest, _ := bytes.Cut(text, []byte("\n"))
	heading := bytes.Fields(head)
	cols := make([]column, len(heading))
	seen := uint32(0)
	for i, word := range heading {
		c, ok := names[string(word)]
		if !ok {
			c = columns
		} else {
			seen |= 1 << c
		}
		cols[i] = c
	}
	if seen&(1<<colID) == 0 {
		return nil, []error{fmt.Errorf("line 1: %w: no column for the identifier in %q", proc.ErrMalformed, clip(head))}
	}
	n := 1
	for line := range bytes.Lines(rest) {
		n++
		r, err := parseLine(line, cols)
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		records = append(records, r)
	}
	return records, errs
}

func parseLine(line []byte, cols []column) (record, error) {
	var r record
	fields := bytes.Fields(line)
	if len(fields) != len(cols) {
		return r, fmt.Errorf("%w: %d values for %d columns", proc.ErrMalformed, len(fields), len(cols))
	}
	for i, c := range cols {
		if c == columns {
			continue
		}
		base := 10
		if c == colMode {
			base = 8
		}
		v, err := strconv.ParseInt(string(fields[i]), base, 64)
		if err != nil || c == colID && (v < 0 || v > 1<<31-1) {
			return r, fmt.Errorf("%w: %q", proc.ErrMalformed, clip(fields[i]))
		}
		r.set(c, v)
	}
	return r, nil
}

func clip(b []byte) []byte { return b[:min(len(b), 60)] }
