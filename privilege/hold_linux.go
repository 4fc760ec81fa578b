package privilege

import (
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// holdLimit is how long a process with more rights than its user may hold
// something of another process. Reading it takes microseconds.
const holdLimit = time.Second

// Hold makes the kernel kill this process if release is not called soon. It is called
// before ipctop holds something of another process that its user may not hold. The user
// may stop a process with the same user id at any moment: SIGKILL also ends a stopped
// process. In a process that has no more rights than its user it does nothing.
func Hold() (release func(), err error) {
	if Beyond() == "" {
		return func() {}, nil
	}
	return killAfter(holdLimit)
}

// stopLimit is how long a process with more rights than its user may be stopped while it
// looks at other processes.
const stopLimit = 30 * time.Second

// Scanning makes the kernel kill this process if it does not run for half a minute, until
// release is called. A scan opens namespaces and directories of other processes, each for a
// moment; a user who stopped it then would keep them alive. In a process that has no more
// rights than its user it does nothing.
func Scanning() (release func(), err error) {
	if Beyond() == "" {
		return func() {}, nil
	}
	return killIfStopped(stopLimit)
}

// killIfStopped arms a timer that kills this process, and rearms it for as long as the
// process runs.
func killIfStopped(limit time.Duration) (release func(), err error) {
	k, err := newKiller()
	if err == nil {
		err = k.arm(limit)
	}
	if err != nil {
		return nil, err
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(limit / 10)
		defer tick.Stop()
		for {
			select {
			case <-done:
				k.disarm()
				return
			case <-tick.C:
				if k.arm(limit) != nil {
					return // the timer is gone
				}
			}
		}
	}()
	return func() { close(done); <-ended }, nil
}

// killAfter arms a timer that kills this process.
func killAfter(limit time.Duration) (disarm func(), err error) {
	k, err := newKiller()
	if err == nil {
		err = k.arm(limit)
	}
	return k.disarm, err
}

// killer is a kernel timer that kills this process (timer_create(2)).
type killer int32

// killEvent is struct sigevent (sigevent(3type)).
type killEvent struct {
	value  uint64
	signal int32
	notify int32
	_      [48]byte
}

// sigevSignal is SIGEV_SIGNAL of include/uapi/asm-generic/siginfo.h.
const sigevSignal = 0

func newKiller() (killer, error) {
	event := killEvent{signal: int32(unix.SIGKILL), notify: sigevSignal}
	var id int32
	_, _, errno := unix.Syscall(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&id)))
	if errno != 0 {
		return -1, os.NewSyscallError("timer_create", errno)
	}
	return killer(id), nil
}

// arm makes it kill the process after a time. If that fails, the timer is gone.
func (k killer) arm(limit time.Duration) error {
	when := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(limit))}
	if _, _, errno := unix.Syscall6(unix.SYS_TIMER_SETTIME, uintptr(k), 0, uintptr(unsafe.Pointer(&when)), 0, 0, 0); errno != 0 {
		k.disarm()
		return os.NewSyscallError("timer_settime", errno)
	}
	return nil
}

func (k killer) disarm() { _, _, _ = unix.Syscall(unix.SYS_TIMER_DELETE, uintptr(k), 0, 0) }
