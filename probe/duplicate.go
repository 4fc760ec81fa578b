package probe

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/privilege"
)

// AskDuplicate has a duplicate of a descriptor that a holder has asked something; see
// [AskDuplicateOf]. A descriptor of a thread with a table of its own needs Linux 6.9.
func AskDuplicate(h *model.Holder, ask func(dup int) error) error {
	fd, ok := h.FD.Get()
	if !ok {
		return unix.EBADF
	}
	pidfd, err := OpenPidfd(h.PID, h.TID)
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	return AskDuplicateOf(pidfd, fd, ask)
}

// AskDuplicateOf makes a descriptor of ipctop's own of another process's
// (pidfd_getfd(2), Linux 5.6), asks it something and closes it at once: while it is
// there, the other end gets no end of file. There is one at a time. So nothing in ask may block
// but for the object's own lock, and it is for pipes, UNIX sockets, terminals and message
// queues alone: closing may block for others. The caller is guarded, and must check in
// ask what it got: pid and number may be another's now.
//
// Where a quota could stop ipctop meanwhile it is done by a thread that none stops; if that
// is not allowed the error is [ErrQuota].
func AskDuplicateOf(pidfd int, fd int32, ask func(dup int) error) error {
	if !quota.stopsNow() {
		return askDuplicate(pidfd, fd, ask)
	}
	err := ErrQuota
	withoutQuota(func() { err = askDuplicate(pidfd, fd, ask) })
	return err
}

func askDuplicate(pidfd int, fd int32, ask func(dup int) error) error {
	release, err := privilege.Hold()
	if err != nil {
		return err
	}
	defer release()
	defer duplicates.take()()
	dup, err := unix.PidfdGetfd(pidfd, int(fd), 0)
	if err != nil {
		return err
	}
	defer unix.Close(dup)
	return ask(dup)
}

// turns lets one go at a time, but past one that hangs.
type turns struct {
	patience time.Duration // after which who does not give the turn back is left behind

	mu   sync.Mutex
	turn chan struct{} // full while somebody has it
}

var duplicates = turns{patience: 100 * time.Millisecond, turn: make(chan struct{}, 1)}

func (t *turns) take() (giveBack func()) {
	for {
		t.mu.Lock()
		turn := t.turn
		t.mu.Unlock()
		giveBack = func() { <-turn }
		select {
		case turn <- struct{}{}: // as nearly always: no timer is made
			return giveBack
		default:
		}
		select {
		case turn <- struct{}{}:
			return giveBack
		case <-time.After(t.patience):
			t.mu.Lock()
			if t.turn == turn {
				t.turn = make(chan struct{}, 1)
			}
			t.mu.Unlock()
		}
	}
}

// OpenPidfd opens a process, or a thread of it if tid is not 0, for pidfd_getfd(2).
func OpenPidfd(pid, tid int32) (int, error) {
	if tid == 0 || tid == pid {
		return unix.PidfdOpen(int(pid), 0)
	}
	return unix.PidfdOpen(int(tid), unix.PIDFD_THREAD)
}
