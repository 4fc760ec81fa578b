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

// stopLimit is how long a process with more rights than its user may be stopped while it
// looks at what is others'.
const stopLimit = 30 * time.Second

// Scanning has the kernel kill this process if it does not run for half a minute, until
// release is called. A scan has namespaces and directories of others open, each for a moment,
// and whoever stopped it then would keep them alive. In a process that has no more rights than
// its user it does nothing.
func Scanning() (release func(), err error) {
	if Beyond() == "" {
		return func() {}, nil
	}
	return killIfStopped(stopLimit)
}

// killIfStopped arms a timer that kills this process, and winds it up again for as long
// as the process runs.
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
					return // it is gone
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

// killer is a timer of the kernel that kills this process (timer_create(2)).
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

// arm has it kill the process after a time. If that fails the timer is gone.
func (k killer) arm(limit time.Duration) error {
	when := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(limit))}
	if _, _, errno := unix.Syscall6(unix.SYS_TIMER_SETTIME, uintptr(k), 0, uintptr(unsafe.Pointer(&when)), 0, 0, 0); errno != 0 {
		k.disarm()
		return os.NewSyscallError("timer_settime", errno)
	}
	return nil
}

func (k killer) disarm() { _, _, _ = unix.Syscall(unix.SYS_TIMER_DELETE, uintptr(k), 0, 0) }
