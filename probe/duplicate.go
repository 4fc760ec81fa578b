package probe

import (
	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// Duplicate makes a descriptor of ipctop's own of one that a holder has (pidfd_getfd(2),
// Linux 5.6; of a thread with a table of its own, 6.9). It must be closed at once: while
// it is there, whoever is at the other end gets no end of file. So nothing may come in
// between that can block, and it is for pipes, UNIX sockets, terminals and message
// queues alone: closing may block for others. The caller is guarded, and must check what
// it got: pid and number may be another's by now.
func Duplicate(h *model.Holder) (int, error) {
	fd, ok := h.FD.Get()
	if !ok {
		return -1, unix.EBADF
	}
	pidfd, err := OpenPidfd(h.PID, h.TID)
	if err != nil {
		return -1, err
	}
	defer unix.Close(pidfd)
	return unix.PidfdGetfd(pidfd, int(fd), 0)
}

// OpenPidfd opens a process, or a thread of it if tid is not 0, for pidfd_getfd(2).
func OpenPidfd(pid, tid int32) (int, error) {
	if tid == 0 || tid == pid {
		return unix.PidfdOpen(int(pid), 0)
	}
	return unix.PidfdOpen(int(tid), unix.PIDFD_THREAD)
}
