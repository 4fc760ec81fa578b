package probe

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// Resource is a resource that a process may use so much of (getrlimit(2)).
type Resource struct {
	Name   string // RLIMIT_NOFILE
	title  string // as /proc/PID/limits calls it
	number int
}

// The resources that bound IPC.
var (
	LimitFiles    = Resource{"RLIMIT_NOFILE", "Max open files", unix.RLIMIT_NOFILE}
	LimitMsgQueue = Resource{"RLIMIT_MSGQUEUE", "Max msgqueue size", unix.RLIMIT_MSGQUEUE}
)

// Rlimit is the process's soft limit. Unlimited is a number that [NewLimit] takes
// for no bound.
func (p *Proc) Rlimit(r Resource) (uint64, error) {
	if p.Scan.PIDCalls {
		// One call instead of three. It is for processes of the same user and for
		// CAP_SYS_RESOURCE; the file is for everyone.
		var l unix.Rlimit
		if err := unix.Prlimit(p.Model.PID, r.number, nil, &l); err == nil {
			return l.Cur, nil
		}
	}
	return readRlimit(p.Dir, r)
}

// Rlimit is the soft limit of a process that was read before. Its error says
// that it is gone if its pid is another's by now.
func (s *Scan) Rlimit(p *model.Process, r Resource) (uint64, error) {
	dir, err := s.open(nil, p)
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	return readRlimit(dir, r)
}

func readRlimit(dir Dir, r Resource) (uint64, error) {
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

// limitDescriptors emits how many of the descriptors it may have a process has.
// The kernel bounds the highest number, not how many there are; who does not
// leave holes runs out at the same time.
func (p *Proc) limitDescriptors(out *Collector) {
	used, ok := p.Model.FDs.Get()
	if !ok || p.Model.Kernel || p.Model.State == "Z" && used == 0 {
		return
	}
	n, err := p.Rlimit(LimitFiles)
	if err != nil {
		if !Gone(err) {
			out.Gap(model.Gap{Reason: ReasonOf(err), PID: p.Model.PID, Op: "read limit", Detail: err.Error()})
		}
		return
	}
	l := NewLimit("", LimitFiles.Name, "descriptors", n)
	l.Scope, l.Used = &model.LimitScope{PID: p.Model.PID}, model.Some(int64(used))
	out.Limit(l)
}
