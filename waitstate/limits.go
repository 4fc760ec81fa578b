package waitstate

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// limits asks what else ends a wait than those waited for: time limits that belong
// to a socket instead of a call, and timers of the process. Only those are asked
// that have no other limit.
func (r *pass) limits(ctx context.Context, x *index) {
	type asked struct {
		*thread
		socket *probe.Entry // nil: it is at none
	}
	byPID := map[int][]asked{}
	var list []*model.Process
	for _, t := range r.threads {
		if t.known {
			t.proc.Timers = t.timers // set by it alone, and it is at no socket
		}
		if !t.same || t.known || t.timed || t.partial || t.needs == model.NeedsPeer {
			continue
		}
		at := r.socket(x, t) // not when asked: who gets stuck there must not come back to an index that is in use again
		t.onSocket = at != nil
		if r.noTimers(t.proc) && at == nil {
			t.proc.Timers = model.Some(0)
			continue
		}
		if byPID[t.proc.PID] == nil {
			list = append(list, t.proc)
		}
		byPID[t.proc.PID] = append(byPID[t.proc.PID], asked{t, at})
	}
	r.j.EachProcess(list, func(task *guard.Task, p *probe.Proc) func() {
		if ctx.Err() != nil {
			return nil
		}
		timers := model.Some(0)
		if !r.noTimers(p.Model) {
			timers = countTimers(p)
		}
		threads := byPID[p.Model.PID]
		limits := make([]model.Opt[bool], len(threads))
		for i, t := range threads {
			if t.socket != nil {
				limits[i] = r.socketLimit(task, t.socket, t.thread)
			}
		}
		return func() {
			p.Model.Timers = timers
			for i, t := range threads {
				t.socketTimed = limits[i]
			}
		}
	}, func(*model.Process, error) {})
}

// limited reports whether the wait has a time limit.
func (t *thread) limited() model.Opt[bool] {
	switch {
	case t.timed:
		return model.Some(true)
	case t.onSocket:
		return t.socketTimed
	}
	return model.Some(false)
}

// noTimers reports whether the source said of a process that it has no POSIX timers.
func (r *pass) noTimers(p *model.Process) bool {
	now := r.second.Of(p, p.PID)
	return now != nil && !now.Timers
}

// socket is the socket that a thread is blocked at; nil if it is none.
func (r *pass) socket(x *index, t *thread) *probe.Entry {
	if len(t.fds) != 1 || t.set {
		return nil
	}
	e := x.descriptor(t, t.fds[0].fd)
	if e == nil {
		return nil
	}
	if info, _ := model.LookupKind(e.Object.Kind); info.Category != "socket" {
		return nil
	}
	return e
}

// socketLimit reads the limit for reading or writing of a UNIX socket that a
// thread is blocked at (SO_RCVTIMEO, SO_SNDTIMEO, socket(7)). Others are never
// duplicated: the dying owner of a TCP socket would have ipctop linger for it.
func (r *pass) socketLimit(task *guard.Task, e *probe.Entry, t *thread) (timed model.Opt[bool]) {
	if e.Object.Kind != model.Unix || !r.j.Scan.PIDCalls || !task.Begin("limit", t.fds[0].fd) {
		return timed
	}
	defer task.End()
	pidfd, err := unix.PidfdOpen(t.proc.PID, 0)
	if err != nil {
		return timed
	}
	defer unix.Close(pidfd)
	_ = probe.AskDuplicateOf(pidfd, t.fds[0].fd, func(dup int) error {
		var st unix.Stat_t
		if unix.Fstat(dup, &st) == nil && st.Ino == uint64(e.Object.Ino) {
			option := unix.SO_RCVTIMEO
			if t.fds[0].write {
				option = unix.SO_SNDTIMEO
			}
			timed = askLimit(dup, option)
		}
		return nil
	})
	return timed
}

// askLimit reads a socket option that is a struct timeval; zero is no limit.
func askLimit(fd, option int) model.Opt[bool] {
	var limit unix.Timeval
	size := uint32(unsafe.Sizeof(limit))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, uintptr(option), uintptr(unsafe.Pointer(&limit)),
		uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return model.Opt[bool]{}
	}
	return model.Some(limit.Sec != 0 || limit.Usec != 0)
}

// countTimers counts the POSIX timers of a process (/proc/PID/timers, Linux 3.10).
// Whether one is set is not in there; alarms (setitimer) are nowhere.
func countTimers(p *probe.Proc) model.Opt[int] {
	var buf [512]byte
	b, err := p.Dir.ReadFile("timers", buf[:0])
	if err != nil {
		return model.Opt[int]{}
	}
	n, err := parseTimers(b)
	if err != nil {
		return model.Opt[int]{}
	}
	return model.Some(n)
}

// parseTimers counts the timers: each begins with a line "ID: N".
func parseTimers(b []byte) (n int, err error) {
	for line := range bytes.Lines(b) {
		id, ok := bytes.CutPrefix(line, []byte("ID: "))
		if !ok {
			continue
		}
		if _, err := strconv.ParseUint(string(bytes.TrimSpace(id)), 10, 32); err != nil {
			return 0, fmt.Errorf("timers: %w: %q", proc.ErrMalformed, line[:min(len(line), 40)])
		}
		n++
	}
	return n, nil
}
