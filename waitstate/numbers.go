//go:build amd64 || arm64

package waitstate

import (
	"maps"

	"golang.org/x/sys/unix"
)

// callNames are the calls in which threads block, by their numbers.
var callNames = func() map[int]string {
	calls := map[int]string{
		unix.SYS_READ:            "read",
		unix.SYS_READV:           "readv",
		unix.SYS_PREAD64:         "pread64",
		unix.SYS_PREADV:          "preadv",
		unix.SYS_PREADV2:         "preadv2",
		unix.SYS_RECVFROM:        "recvfrom",
		unix.SYS_RECVMSG:         "recvmsg",
		unix.SYS_RECVMMSG:        "recvmmsg",
		unix.SYS_WRITE:           "write",
		unix.SYS_WRITEV:          "writev",
		unix.SYS_PWRITE64:        "pwrite64",
		unix.SYS_PWRITEV:         "pwritev",
		unix.SYS_PWRITEV2:        "pwritev2",
		unix.SYS_SENDTO:          "sendto",
		unix.SYS_SENDMSG:         "sendmsg",
		unix.SYS_SENDMMSG:        "sendmmsg",
		unix.SYS_VMSPLICE:        "vmsplice",
		unix.SYS_SPLICE:          "splice",
		unix.SYS_TEE:             "tee",
		unix.SYS_SENDFILE:        "sendfile",
		unix.SYS_ACCEPT:          "accept",
		unix.SYS_ACCEPT4:         "accept4",
		unix.SYS_CONNECT:         "connect",
		unix.SYS_PPOLL:           "ppoll",
		unix.SYS_PSELECT6:        "pselect6",
		unix.SYS_EPOLL_PWAIT:     "epoll_pwait",
		unix.SYS_EPOLL_PWAIT2:    "epoll_pwait2",
		unix.SYS_SEMOP:           "semop",
		unix.SYS_SEMTIMEDOP:      "semtimedop",
		unix.SYS_MSGRCV:          "msgrcv",
		unix.SYS_MSGSND:          "msgsnd",
		unix.SYS_MQ_TIMEDSEND:    "mq_timedsend",
		unix.SYS_MQ_TIMEDRECEIVE: "mq_timedreceive",
		unix.SYS_FUTEX:           "futex",
		unix.SYS_FUTEX_WAITV:     "futex_waitv",
		unix.SYS_FUTEX_WAIT:      "futex_wait",
		unix.SYS_FLOCK:           "flock",
		unix.SYS_FCNTL:           "fcntl",
		unix.SYS_WAIT4:           "wait4",
		unix.SYS_WAITID:          "waitid",
		unix.SYS_RT_SIGTIMEDWAIT: "rt_sigtimedwait",
		unix.SYS_RT_SIGSUSPEND:   "rt_sigsuspend",
		unix.SYS_IO_URING_ENTER:  "io_uring_enter",
		unix.SYS_OPENAT:          "openat",
		unix.SYS_OPENAT2:         "openat2",
		unix.SYS_NANOSLEEP:       "nanosleep",
		unix.SYS_CLOCK_NANOSLEEP: "clock_nanosleep",
		unix.SYS_RESTART_SYSCALL: "restart_syscall",
		unix.SYS_CLONE:           "clone",
		unix.SYS_CLONE3:          "clone3",

		unix.SYS_NEWFSTATAT: "newfstatat",
		unix.SYS_STATX:      "statx",
		unix.SYS_FACCESSAT:  "faccessat",
		unix.SYS_FACCESSAT2: "faccessat2",
		unix.SYS_READLINKAT: "readlinkat",
		unix.SYS_UNLINKAT:   "unlinkat",
		unix.SYS_MKDIRAT:    "mkdirat",
		unix.SYS_EXECVE:     "execve",
		unix.SYS_CHDIR:      "chdir",
		unix.SYS_GETDENTS64: "getdents64",
		unix.SYS_FSTAT:      "fstat",
		unix.SYS_FSYNC:      "fsync",
		unix.SYS_FDATASYNC:  "fdatasync",
	}
	maps.Copy(calls, oldCalls)
	return calls
}()

// decodable reports whether the calls of this architecture are known.
const decodable = true
