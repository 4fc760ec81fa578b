package kcmp

import (
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// What [Compare] compares.
const (
	File     = 0 // two open file descriptions
	VM       = 1 // the memory of two processes
	Files    = 2 // the descriptor tables of two tasks
	epollTFD = 7
)

// Compare is kcmp(2): 0 equal, 1 less, 2 greater, 3 different.
func Compare(a, b int32, what int, x, y uintptr) (int, error) {
	r, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(a), uintptr(b), uintptr(what), x, y, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}

// Descriptor is a descriptor in the table of a task: a process, or a thread
// that has its own table.
type Descriptor struct {
	Task int32
	FD   int32
}

// DescriptorOf returns the descriptor by which a holder holds its object, if there is one.
func DescriptorOf(h *model.Holder) (Descriptor, bool) {
	fd, ok := h.FD.Get()
	if !ok || h.Via != model.ViaFD {
		return Descriptor{}, false
	}
	if h.TID != 0 {
		return Descriptor{h.TID, fd}, true
	}
	return Descriptor{h.PID, fd}, true
}

// ID returns the id of the object whose lowest descriptor this is.
func (d Descriptor) ID(kind model.Kind) string {
	return string(kind) + ":" + strconv.Itoa(int(d.Task)) + "." + strconv.Itoa(int(d.FD))
}

// WatchedBy reports whether the file behind target is the nth (from 0) that was
// added to epoll under the descriptor number tfd (kcmp(2) KCMP_EPOLL_TFD, Linux
// 4.13). It waits for the epoll's lock, so it must be called under guard.
func WatchedBy(target, epoll Descriptor, tfd, nth uint32) (bool, error) {
	slot := struct{ efd, tfd, toff uint32 }{uint32(epoll.FD), tfd, nth} // struct kcmp_epoll_slot
	r, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(target.Task), uintptr(epoll.Task), epollTFD, uintptr(target.FD),
		uintptr(unsafe.Pointer(&slot)), 0)
	if errno != 0 {
		return false, errno
	}
	return r == 0, nil
}
