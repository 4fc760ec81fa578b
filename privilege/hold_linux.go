package privilege

import (
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// holdLimit is how long a process with more rights than its user may hold what is
// another's. Reading it takes microseconds.
const holdLimit = time.Second

// Hold has the kernel kill this process if it does not call release soon. Something of
// another process is about to be held that the user may not hold, and the user may stop
// a process of the same user id at any moment: SIGKILL ends also one that is stopped. In
// a process that has no more rights than its user it does nothing.
func Hold() (release func(), err error) {
	if Beyond() == "" {
		return func() {}, nil
	}
	return killAfter(holdLimit)
}

// killEvent is struct sigevent (sigevent(3type)).
type killEvent struct {
	value  uint64
	signal int32
	notify int32
	_      [48]byte
}

// sigevSignal is SIGEV_SIGNAL of include/uapi/asm-generic/siginfo.h.
const sigevSignal = 0

// killAfter arms a timer that kills this process (timer_create(2)).
func killAfter(limit time.Duration) (disarm func(), err error) {
	event := killEvent{signal: int32(unix.SIGKILL), notify: sigevSignal}
	var id int32
	_, _, errno := unix.Syscall(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&id)))
	if errno != 0 {
		return nil, os.NewSyscallError("timer_create", errno)
	}
	disarm = func() { _, _, _ = unix.Syscall(unix.SYS_TIMER_DELETE, uintptr(id), 0, 0) }
	when := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(limit))}
	if _, _, errno = unix.Syscall6(unix.SYS_TIMER_SETTIME, uintptr(id), 0, uintptr(unsafe.Pointer(&when)), 0, 0, 0); errno != 0 {
		disarm()
		return nil, os.NewSyscallError("timer_settime", errno)
	}
	return disarm, nil
}
