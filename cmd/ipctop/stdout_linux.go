package main

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// shells are the programs that can start another program with its standard output closed
// (`>&-`). They do not replace it by /dev/null opened for reading and writing, as Python,
// libuv and daemons do for output that nobody is to read.
var shells = []string{"ash", "bash", "busybox", "dash", "fish", "ksh", "ksh93", "mksh", "sh", "yash", "zsh"}

// failWhereClosed makes writes to standard output fail if the caller has closed it. In that case
// Go's runtime opens /dev/null as descriptor 1 before main, for reading and writing, so that no
// other file gets the number. Without this function output would be lost without an error.
//
// A caller that passed /dev/null for reading and writing on purpose looks the same. So the
// parent must be a shell, which opens /dev/null only for writing, and its own standard
// output must be something else, or else /dev/null was inherited.
func failWhereClosed() {
	if !nullForBoth(1) || !closedByShell("/proc/"+strconv.Itoa(os.Getppid())) {
		return
	}
	// Open it only for reading: writes then fail with EBADF, as they would on the closed
	// descriptor, and the number stays in use.
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(null)
	_ = unix.Dup3(null, 1, 0) // if this fails, output is lost as before
}

// nullForBoth reports whether a descriptor is /dev/null, open for reading and
// writing.
func nullForBoth(fd int) bool {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || uint64(st.Rdev) != unix.Mkdev(1, 3) {
		return false
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDWR
}

// closedByShell reports whether a process, given by its directory in /proc, is a
// shell whose own standard output is something else than /dev/null.
func closedByShell(dir string) bool {
	comm, err := os.ReadFile(dir + "/comm")
	if err != nil || !slices.Contains(shells, strings.TrimSuffix(string(comm), "\n")) {
		return false
	}
	out, err := os.Readlink(dir + "/fd/1")
	return err == nil && out != "/dev/null" || os.IsNotExist(err)
}
