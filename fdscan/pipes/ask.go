package pipes

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

// pipeQuestion is: how full is this pipe? It names descriptors that lead to it.
type pipeQuestion struct {
	scope, num uint64 // of the pipe's key
	owner      guard.Owner
	holders    []descriptor
}

// descriptor is one of a process, or of a thread: one that has a table of its own, or
// through which a process is asked whose main thread has ended.
type descriptor struct{ pid, fd int32 }

// pipeAnswer is the kernel's.
type pipeAnswer struct {
	status           int32 // 0, an error number, or one of those below
	queued, capacity int64
}

const (
	statusStuck   = -1 // who asked got stuck
	statusSkipped = -2 // not asked, because others who asked are stuck
	statusQuota   = -3 // not asked, because a quota could stop who asks
)

// maxAsked is how many descriptors of a pipe are tried. They differ in whose
// they are: whom one may not ask, another of the same user does not help.
const maxAsked = 32

// newPipeQuestion makes the question about a pipe. The descriptors that it names are appended to
// room, as there may be questions about all pipes of the machine.
func newPipeQuestion(idx *probe.Index, e *probe.Entry, room *[]descriptor) pipeQuestion {
	first := len(*room)
	for i := range e.Holders {
		h := &e.Holders[i]
		if fd, ok := h.FD.Get(); ok && h.Via == model.ViaFD && len(*room)-first < maxAsked {
			*room = append(*room, descriptor{cmp.Or(h.TID, idx.Living(h.PID)), fd})
		}
	}
	return pipeQuestion{scope: e.Key.Scope, num: e.Key.Num, owner: idx.Owner(e), holders: slices.Clip((*room)[first:])}
}

func (a pipeAnswer) err() error {
	switch a.status {
	case 0:
		return nil
	case statusStuck, statusSkipped:
		return guard.ErrGivenUp
	case statusQuota:
		return probe.ErrQuota
	}
	return fmt.Errorf("ask a duplicate of a descriptor (pidfd_getfd): %w", unix.Errno(a.status))
}

// querier is turned to one process at a time.
type querier struct {
	pid   int32 // 0: none
	pidfd int
}

func (p *querier) turnTo(pid int32) error {
	if p.pid == pid {
		return nil
	}
	p.close()
	pidfd, err := unix.PidfdOpen(int(pid), 0)
	if err == unix.EINVAL || err == unix.ENOENT { // a thread, which is asked since Linux 6.9
		if pidfd, err = unix.PidfdOpen(int(pid), unix.PIDFD_THREAD); err == unix.EINVAL {
			err = unix.EOPNOTSUPP
		}
	}
	if err == nil {
		p.pid, p.pidfd = pid, pidfd
	}
	return err
}

func (p *querier) close() {
	if p.pid != 0 {
		_ = unix.Close(p.pidfd)
		p.pid = 0
	}
}

// ask asks through the first descriptor that answers. The error is the last
// one's.
func (q *pipeQuestion) query(p *querier) pipeAnswer {
	var a pipeAnswer
	for _, d := range q.holders {
		queued, capacity, err := q.queryThrough(p, d)
		a = pipeAnswer{queued: int64(queued), capacity: int64(capacity)}
		if err == nil {
			break
		}
		if errors.Is(err, probe.ErrQuota) {
			return pipeAnswer{status: statusQuota}
		}
		var errno unix.Errno
		if !errors.As(err, &errno) {
			errno = unix.EIO
		}
		a = pipeAnswer{status: int32(errno)}
		if errno == unix.ENOSYS {
			break
		}
	}
	return a
}

// askThrough duplicates a descriptor and asks it. The check that the duplicate is
// the pipe that was looked for also covers a pid or descriptor that has
// become another.
func (q *pipeQuestion) queryThrough(p *querier, d descriptor) (queued, capacity int, err error) {
	if err := p.turnTo(d.pid); err != nil {
		return 0, 0, err
	}
	err = probe.AskDuplicateOf(p.pidfd, d.fd, func(dup int) error {
		var st unix.Statx_t
		if err := unix.Statx(dup, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_INO|unix.STATX_TYPE, &st); err != nil {
			return err
		}
		if st.Mode&unix.S_IFMT != unix.S_IFIFO || st.Ino != q.num || q.scope != 0 && q.scope != proc.Dev(st.Dev_major, st.Dev_minor) {
			return unix.EBADF
		}
		if queued, err = unix.IoctlGetInt(dup, unix.TIOCINQ); err != nil {
			return err
		}
		capacity, err = unix.FcntlInt(uintptr(dup), unix.F_GETPIPE_SZ, 0)
		return err
	})
	return queued, capacity, err
}
