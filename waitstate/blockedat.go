package waitstate

import "github.com/ipctop/ipctop/probe"

// blockedAt tells by a thread's syscall line what it waits for, as far as it does without
// its memory. One that runs may wait for anything soon.
func blockedAt(text []byte) probe.BlockedAt {
	line, err := parseSyscall(text)
	if err != nil || line.state != inCall || line.maybe32() {
		return probe.AtUnknown
	}
	switch callNames[line.number] {
	case "read", "readv", "pread64", "preadv", "preadv2", "recvfrom", "recvmsg", "recvmmsg", "write", "writev", "pwrite64", "pwritev", "pwritev2",
		"sendto", "sendmsg", "sendmmsg", "vmsplice", "accept", "accept4", "connect", "mq_timedreceive", "mq_timedsend", "flock", "fcntl":
		return probe.AtFirst
	case "futex", "futex_waitv", "semop", "semtimedop", "msgrcv", "msgsnd", "wait4", "vfork", "clone", "clone3", "nanosleep", "clock_nanosleep",
		"rt_sigtimedwait", "rt_sigsuspend", "pause":
		return probe.AtNoFile
	}
	return probe.AtUnknown
}
