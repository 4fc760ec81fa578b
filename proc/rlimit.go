package proc

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"golang.org/x/sys/unix"
)

// Resource is a resource with a limit per process (getrlimit(2)).
type Resource struct {
	Name   string // RLIMIT_NOFILE
	title  string // as /proc/PID/limits calls it
	Number int    // of getrlimit(2)
}

// The resources that bound IPC.
var (
	LimitFiles    = Resource{"RLIMIT_NOFILE", "Max open files", unix.RLIMIT_NOFILE}
	LimitMsgQueue = Resource{"RLIMIT_MSGQUEUE", "Max msgqueue size", unix.RLIMIT_MSGQUEUE}
)

// ReadRlimit reads a soft limit in a process's limits file. For "unlimited" it
// returns [math.MaxUint64].
func ReadRlimit(dir *Dir, r Resource) (uint64, error) {
	var buf [2048]byte
	text, err := dir.ReadRecord("limits", buf[:0])
	if err != nil {
		return 0, err
	}
	n, err := parseRlimit(text, r.title)
	if err != nil {
		return 0, fmt.Errorf("%s/limits: %w", dir.Path(), err)
	}
	return n, nil
}

// parseRlimit reads a soft limit from /proc/PID/limits (proc_pid_limits(5)):
//
//	Limit                     Soft Limit           Hard Limit           Units
//	Max open files            1024                 524288               files
func parseRlimit(text []byte, title string) (uint64, error) {
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte(title))
		if !ok {
			continue
		}
		f := bytes.Fields(rest)
		if len(f) < 2 {
			return 0, fmt.Errorf("%w: %q", ErrMalformed, head(line))
		}
		if string(f[0]) == "unlimited" {
			return math.MaxUint64, nil
		}
		n, err := strconv.ParseUint(string(f[0]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%w: %s is %q", ErrMalformed, title, head(f[0]))
		}
		return n, nil
	}
	return 0, fmt.Errorf("%w: no %q", ErrMalformed, title)
}
