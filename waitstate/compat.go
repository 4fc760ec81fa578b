//go:build amd64 || arm64

package waitstate

import (
	"encoding/binary"
	"strings"
)

// The kernel also runs 32-bit programs. Their system calls have other numbers, and their memory
// has another layout. /proc/PID/task/TID/syscall shows these numbers without saying that the call
// is one of a 32-bit program.

// commonCalls32 are the calls of 32-bit programs that have the same number on all
// architectures.
var commonCalls32 = map[int]string{
	0: "restart_syscall", 3: "read", 4: "write", 5: "open", 29: "pause", 55: "fcntl", 72: "rt_sigsuspend", 114: "wait4", 120: "clone",
	142: "select", 143: "flock", 145: "readv", 146: "writev", 162: "nanosleep", 168: "poll", 177: "rt_sigtimedwait", 179: "rt_sigsuspend",
	180: "pread64", 181: "pwrite64", 187: "sendfile", 190: "vfork", 221: "fcntl", 239: "sendfile", 240: "futex",
	407: "clock_nanosleep_time64", 413: "pselect6_time64", 414: "ppoll_time64", 417: "recvmmsg_time64", 418: "mq_timedsend_time64",
	419: "mq_timedreceive_time64", 420: "semtimedop_time64", 421: "rt_sigtimedwait_time64", 422: "futex_time64", 426: "io_uring_enter",
	435: "clone3", 437: "openat2", 441: "epoll_pwait2", 449: "futex_waitv", 455: "futex_wait",
}

// isCall32 reports whether this is the number of a 32-bit call in which threads block.
func isCall32(number int) bool { return commonCalls32[number] != "" || archCalls32[number] != "" }

// call32 returns the name of the call of a thread of a 32-bit program, and puts the arguments into
// the order of the 64-bit call; "" if it is not a call in which threads block.
func (c *caller) call32() string {
	l := *c.line
	c.line, c.narrow = &l, true
	for i := range l.args {
		l.args[i] = uint64(uint32(l.args[i]))
	}
	name := commonCalls32[l.number]
	if name == "" {
		name = archCalls32[l.number]
	}
	switch name {
	case "ipc":
		name = c.ipc()
	case "socketcall":
		name = c.socketCall()
	case "old select":
		if name = ""; c.array(l.args[0], 5) {
			name = "select"
		}
	case "msgrcv":
		l.args[3] = signExtended(l.args[3])
	case "futex_waitv", "futex_wait", "epoll_pwait2": // these calls always had 64-bit times
		c.time64 = true
	}
	name, long := strings.CutSuffix(name, "_time64")
	c.time64 = c.time64 || long
	return name
}

// array replaces the arguments by n words in memory.
func (c *caller) array(addr uint64, n int) bool {
	b, err := c.mem.read(c.tid, addr, 4*n)
	if err != nil {
		return false
	}
	for i := range c.line.args {
		c.line.args[i] = 0
		if i < n {
			c.line.args[i] = uint64(binary.NativeEndian.Uint32(b[4*i:]))
		}
	}
	return true
}

// ipc is ipc(2): call, first, second, third, pointer, fifth.
func (c *caller) ipc() string {
	const semop, semtimedop, msgsnd, msgrcv = 1, 4, 11, 12
	a := &c.line.args
	call, version := a[0]&0xffff, a[0]>>16
	first, second, third, pointer, fifth := a[1], a[2], a[3], a[4], a[5]
	switch call {
	case semop:
		*a = [6]uint64{first, pointer, second}
		return "semop"
	case semtimedop:
		*a = [6]uint64{first, pointer, second, fifth}
		return "semtimedop"
	case msgsnd:
		*a = [6]uint64{first, pointer, second, third}
		return "msgsnd"
	case msgrcv:
		kind := fifth
		if version == 0 { // pointer points to the buffer's address and the type
			b, err := c.mem.read(c.tid, pointer, 8)
			if err != nil {
				return ""
			}
			pointer, kind = uint64(binary.NativeEndian.Uint32(b)), uint64(binary.NativeEndian.Uint32(b[4:]))
		}
		*a = [6]uint64{first, pointer, second, signExtended(kind), third}
		return "msgrcv"
	}
	return ""
}

// socketCalls are the calls of socketcall(2) in which threads block, with the number of
// their arguments.
var socketCalls = map[uint64]struct {
	name string
	args int
}{
	3: {"connect", 3}, 5: {"accept", 3}, 9: {"sendto", 4}, 10: {"recvfrom", 4}, 11: {"sendto", 6}, 12: {"recvfrom", 6},
	16: {"sendmsg", 3}, 17: {"recvmsg", 3}, 18: {"accept4", 4}, 19: {"recvmmsg", 5}, 20: {"sendmmsg", 4},
}

// socketCall is socketcall(2): call, address of its arguments.
func (c *caller) socketCall() string {
	call, ok := socketCalls[c.line.args[0]]
	if !ok || !c.array(c.line.args[1], call.args) {
		return ""
	}
	return call.name
}
