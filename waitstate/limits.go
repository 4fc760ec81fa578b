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

// limits reads what else could end a wait: time limits that belong to a socket and not to
// the call, and timers of the process. It does so only for threads without another
// limit.
func (r *pass) limits(ctx context.Context, x *index) {
	type asked struct {
		*thread
		socket *probe.Entry // nil: it does not wait at a socket
	}
	byPID := map[int][]asked{}
	var list []*model.Process
	for _, t := range r.threads {
		if t.known {
			t.proc.Timers = t.timers // only the process itself can change them; and the thread is at no socket
		}
		if !t.same || t.known || t.timed || t.partial || t.needs == model.NeedsPeer {
			continue
		}
		at := r.socket(x, t) // here and not in the task: a task that gets stuck may return later, when the index is reused
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

// noTimers reports whether the source said that a process has no POSIX timers.
func (r *pass) noTimers(p *model.Process) bool {
	now := r.second.Of(p, p.PID)
	return now != nil && !now.Timers
}

// socket returns the socket at which a thread is blocked; nil if it is not at a socket.
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

// socketLimit reads the time limit for reading or writing of a UNIX socket at which a
// thread is blocked (SO_RCVTIMEO, SO_SNDTIMEO, socket(7)). Descriptors of other sockets are
// never duplicated: if the owner of a TCP socket ended, ipctop would have to linger for it.
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

// askLimit reads a socket option that is a struct timeval; zero means no limit.
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
// The file does not show whether a timer is armed; alarms (setitimer) are shown nowhere.
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
