package probe

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/privilege"
)

// AskDuplicate makes a duplicate of a holder's descriptor and passes it to ask; see
// [AskDuplicateOf]. For a thread with its own descriptor table it needs Linux 6.9.
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

// AskDuplicateOf duplicates another process's descriptor (pidfd_getfd(2), Linux 5.6), passes
// the duplicate to ask, and closes it at once: while it exists, the other end gets no end of
// file. Only one duplicate exists at a time. So ask must not block, except for the object's own
// lock. It may be used only for pipes, UNIX sockets, terminals and message queues: closing
// other files may block. The caller is guarded, and must check in ask what it got: pid and
// number may by then belong to something else.
//
// If a CPU quota could stop ipctop meanwhile, the work is done on a thread that no quota stops.
// If that is not allowed the error is [ErrQuota].
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
	defer duplicates.acquire()()
	dup, err := unix.PidfdGetfd(pidfd, int(fd), 0)
	if err != nil {
		return err
	}
	defer unix.Close(dup)
	return ask(dup)
}

// breakableLock is a lock that is passed over if its owner hangs.
type breakableLock struct {
	timeout time.Duration // an owner that keeps it for longer is ignored

	mu   sync.Mutex
	turn chan struct{} // full while somebody has the turn
}

var duplicates = breakableLock{timeout: 100 * time.Millisecond, turn: make(chan struct{}, 1)}

func (t *breakableLock) acquire() (release func()) {
	for {
		t.mu.Lock()
		turn := t.turn
		t.mu.Unlock()
		release = func() { <-turn }
		select {
		case turn <- struct{}{}: // the usual case: no timer is made
			return release
		default:
		}
		select {
		case turn <- struct{}{}:
			return release
		case <-time.After(t.timeout):
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
