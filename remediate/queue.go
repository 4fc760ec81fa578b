package remediate

import (
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// removeQueue removes the name of a POSIX message queue of ipctop's own IPC namespace.
// mq_unlink(2) needs no mount of the mqueue file system. The queue is opened first, to
// check that it is still the same one.
func removeQueue(o *model.Object) error {
	name, ok := strings.CutPrefix(o.Name, "/")
	if !ok || o.Ino == 0 || o.Deleted {
		return ErrNotRemovable
	}
	if own, err := ipcNamespace(); err != nil || o.Namespace != nil && o.Namespace.Inode != own {
		return fmt.Errorf("%w: it is in another IPC namespace", ErrNotRemovable)
	}
	p, err := unix.BytePtrFromString(name) // the system calls want no slash
	if err != nil {
		return err
	}
	const flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC
	fd, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(p)), flags, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	var st unix.Stat_t
	err = unix.Fstat(int(fd), &st)
	_ = unix.Close(int(fd))
	if err != nil {
		return err
	}
	if !same(o, &st) {
		return ErrChanged
	}
	if _, _, errno := unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(p)), 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// same reports whether a file is still the one of an object.
func same(o *model.Object, st *unix.Stat_t) bool {
	dev := fmt.Sprintf("%d:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
	return uint64(o.Ino) == st.Ino && (o.Dev == "" || o.Dev == dev)
}
