package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/privilege"
)

// openProc checks that --procfs is a proc file system: a directory of ordinary files made
// by a user could lead anywhere. It returns the path to read from. If ipctop has more
// rights than its user, the path goes through the checked directory, which is kept open:
// the original path may lead elsewhere a moment later.
func openProc(dir string) (root string, err error) {
	fd := -1
	err = privilege.AsUser(func() error {
		fd, err = unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return "", &os.PathError{Op: "open", Path: dir, Err: err}
	}
	var fs unix.Statfs_t
	if err = unix.Fstatfs(fd, &fs); err == nil && fs.Type != unix.PROC_SUPER_MAGIC {
		err = fmt.Errorf("%s is not a proc file system", dir)
	}
	if err != nil || privilege.Beyond() == "" || dir == "/proc" {
		_ = unix.Close(fd)
		return dir, err
	}
	return "/proc/self/fd/" + strconv.Itoa(fd), nil
}
