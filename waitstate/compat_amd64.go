package waitstate

import "github.com/ipctop/ipctop/model"

// archCalls32 are the calls of i386 programs that are not in commonCalls32.
var archCalls32 = map[int]string{
	7: "wait4", 82: "old select", 102: "socketcall", 117: "ipc", 256: "epoll_wait", 267: "clock_nanosleep", 279: "mq_timedsend",
	280: "mq_timedreceive", 284: "waitid", 295: "openat", 308: "pselect6", 309: "ppoll", 313: "splice", 315: "tee", 316: "vmsplice",
	319: "epoll_pwait", 333: "preadv", 334: "pwritev", 337: "recvmmsg", 345: "sendmmsg", 362: "connect", 364: "accept4", 369: "sendto",
	370: "sendmsg", 371: "recvfrom", 372: "recvmsg", 378: "preadv2", 379: "pwritev2", 400: "msgsnd", 401: "msgrcv",
}

// x32 marks the numbers of calls of the x32 ABI: 64-bit code with 32-bit addresses.
const x32 = 0x40000000

// flock64Start is the offset of the first 64-bit word in struct flock64 of i386.
const flock64Start = 4

// is32Call reports whether a thread is in a 32-bit system call; unknown if that cannot be
// determined. Any program can make one (int $0x80), so the instruction before the program
// counter decides. 32-bit programs return to after an int $0x80 also from their faster
// ways into the kernel.
func (v *visit) is32Call(tid int, l *syscallLine) model.Opt[bool] {
	fits := func(v uint64) bool { return v < 1<<32 || v == signExtended(v) }
	if !isCall32(l.number) && !l.maybe32() || !fits(l.args[0]) || !fits(l.args[1]) {
		return model.Some(false)
	}
	if b, err := v.mem.read(tid, l.pc-2, 2); err == nil {
		return model.Some(b[0] == 0xcd && b[1] == 0x80)
	}
	if !l.maybe32() {
		return model.Some(false) // as nearly all calls are
	}
	return v.class()
}
