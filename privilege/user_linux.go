package privilege

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// AsUser runs f with the rights of the user who started ipctop, on its own thread:
// without capabilities, and with the user's ids for opening files. Goroutines that f
// starts do not have these rights. The user may read the files that f opens, no
// matter with which rights they are read later. If the rights cannot be given up, f
// does not run.
func AsUser(f func() error) error {
	if Beyond() == "" {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		restore, err := drop()
		if err == nil {
			err = f()
		}
		if restore() == nil {
			runtime.UnlockOSThread()
		} // else the thread ends with the goroutine
		done <- err
	}()
	return <-done
}

// drop gives the thread the user's rights. restore undoes that, also if only a part
// was done.
func drop() (restore func() error, err error) {
	before, err := threadCapabilities()
	if err != nil {
		return func() error { return nil }, err
	}
	restore = func() error {
		if err := setFileIDs(os.Geteuid(), os.Getegid()); err != nil {
			return err
		}
		return before.set() // after the ids: changing them takes capabilities away and gives them back
	}
	if err := setFileIDs(os.Getuid(), os.Getgid()); err != nil {
		return restore, err
	}
	return restore, before.withoutEffect().set()
}

// setFileIDs sets the ids with which the calling thread opens files
// (setfsuid(2)). These calls do not report failure: the ids must be read
// afterwards.
func setFileIDs(uid, gid int) error {
	_, _ = unix.SetfsgidRetGid(gid)
	_, _ = unix.SetfsuidRetUid(uid)
	const asks = -1
	gotGID, _ := unix.SetfsgidRetGid(asks)
	gotUID, _ := unix.SetfsuidRetUid(asks)
	if gotUID != uid || gotGID != gid {
		return fmt.Errorf("open files with the rights of the user: setfsuid(%d), setfsgid(%d): refused", uid, gid)
	}
	return nil
}

// capabilities are the capabilities of one thread (capget(2)).
type capabilities [2]unix.CapUserData

func threadCapabilities() (capabilities, error) {
	var c capabilities
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	err := unix.Capget(&header, &c[0])
	return c, os.NewSyscallError("capget", err)
}

// permitted reports whether the thread may have any capability.
func (c capabilities) permitted() bool { return c[0].Permitted|c[1].Permitted != 0 }

// withoutEffect returns the same permitted capabilities, with none in effect.
func (c capabilities) withoutEffect() capabilities {
	c[0].Effective, c[1].Effective = 0, 0
	return c
}

func (c capabilities) set() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	return os.NewSyscallError("capset", unix.Capset(&header, &c[0]))
}
