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

// pipeQuestion asks how full a pipe is. It has descriptors that lead to the pipe.
type pipeQuestion struct {
	scope, num uint64 // of the pipe's key
	owner      guard.Owner
	holders    []descriptor
}

// descriptor is a descriptor of a process, or of a thread: of a thread with its own
// table, or of one that stands for a process whose main thread has ended.
type descriptor struct{ pid, fd int32 }

// pipeAnswer is the kernel's answer.
type pipeAnswer struct {
	status           int32 // 0, an error number, or one of those below
	queued, capacity int64
}

const (
	statusStuck   = -1 // the thread that asked got stuck
	statusSkipped = -2 // not asked, because other threads that asked are stuck
	statusQuota   = -3 // not asked, because a quota could stop the process that asks
)

// maxAsked is how many descriptors of a pipe are tried. Trying several helps
// only if they belong to different users: without permission for one, there is
// none for another of the same user.
const maxAsked = 32

// newPipeQuestion makes the question about a pipe. It appends the descriptors to room, as there
// may be questions about all pipes of the machine.
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

// querier asks one process at a time.
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
	if err == unix.EINVAL || err == unix.ENOENT { // a thread, which can be asked since Linux 6.9
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

// query asks through the first descriptor that answers. The error is that of
// the last one.
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

// queryThrough duplicates a descriptor and asks the duplicate. It checks that the
// duplicate is the right pipe. That also covers a pid or descriptor number that
// was reused.
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
