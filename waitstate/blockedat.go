package waitstate

import "github.com/ipctop/ipctop/probe"

// blockedAt returns what a thread waits for, as far as the number of its system call says it.
func blockedAt(number int) probe.BlockedAt {
	switch callNames[number] {
	case "read", "readv", "pread64", "preadv", "preadv2", "recvfrom", "recvmsg", "recvmmsg", "write", "writev", "pwrite64", "pwritev", "pwritev2",
		"sendto", "sendmsg", "sendmmsg", "vmsplice", "accept", "accept4", "connect", "mq_timedreceive", "mq_timedsend", "flock", "fcntl":
		return probe.AtFirst
	case "futex", "futex_wait", "futex_waitv", "semop", "semtimedop", "msgrcv", "msgsnd", "wait4", "vfork", "clone", "clone3", "nanosleep", "clock_nanosleep",
		"rt_sigtimedwait", "rt_sigsuspend", "pause":
		return probe.AtNoFile
	}
	return probe.AtUnknown
}
