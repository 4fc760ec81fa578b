package proc

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxUserNamespaces is how deep the kernel lets user namespaces be nested
// (user_namespaces(7)).
const maxUserNamespaces = 33

// UserNamespaceOwner returns the user who created the user namespace that path leads to,
// such as /proc/PID/ns/user. If that is nested below others, it returns the creator of the
// outermost one below the caller's own: a user who may use other ids in there (subuid(5)) is
// still one user. It reports false for the caller's own namespace, and if the owner cannot
// be found out.
//
// Minimum kernel: Linux 4.11 (ioctl_nsfs(2), NS_GET_OWNER_UID).
func UserNamespaceOwner(path string) (uid uint32, ok bool) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, false
	}
	defer func() { _ = unix.Close(fd) }()
	var own, st unix.Stat_t
	if unix.Stat("/proc/self/ns/user", &own) != nil {
		return 0, false
	}
	for range maxUserNamespaces {
		if unix.Fstat(fd, &st) != nil || st.Ino == own.Ino {
			return uid, ok
		}
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.NS_GET_OWNER_UID, uintptr(unsafe.Pointer(&uid))); errno != 0 {
			return 0, false
		}
		ok = true
		parent, err := unix.IoctlRetInt(fd, unix.NS_GET_PARENT)
		if err != nil {
			return uid, ok
		}
		_ = unix.Close(fd)
		fd = parent
	}
	return uid, ok
}
