package waitstate

import "github.com/ipctop/ipctop/model"

// archCalls32 are the calls of arm programs (EABI) that are not in commonCalls32.
var archCalls32 = map[int]string{
	252: "epoll_wait", 265: "clock_nanosleep", 276: "mq_timedsend", 277: "mq_timedreceive", 280: "waitid", 283: "connect", 285: "accept",
	289: "sendto", 290: "sendto", 291: "recvfrom", 292: "recvfrom", 296: "sendmsg", 297: "recvmsg", 298: "semop", 301: "msgsnd",
	302: "msgrcv", 312: "semtimedop", 322: "openat", 335: "pselect6", 336: "ppoll", 340: "splice", 342: "tee", 343: "vmsplice",
	346: "epoll_pwait", 361: "preadv", 362: "pwritev", 365: "recvmmsg", 366: "accept4", 374: "sendmmsg", 392: "preadv2", 393: "pwritev2",
}

// x32 is a bit that no call number has on this architecture.
const x32 = 1 << 30

// flock64Start is the offset of the first 64-bit word in struct flock64 of arm.
const flock64Start = 8

// is32Call reports whether a thread is in a 32-bit system call; unknown if that cannot be
// determined. 64-bit programs cannot make one.
func (v *visit) is32Call(_ int, l *syscallLine) model.Opt[bool] {
	if !l.maybe32() {
		return model.Some(false)
	}
	return v.class()
}
