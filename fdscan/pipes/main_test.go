package pipes

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/probe/probetest"
)

// sleeperEnv makes the test binary a process with a pipe, whose mutex one of
// its threads holds while it sleeps; the value tells in which way.
const sleeperEnv = "IPCTOP_TEST_SLEEPER"

func TestMain(m *testing.M) {
	RunHelper()
	if how := os.Getenv(sleeperEnv); how != "" {
		fmt.Println(sleep(how))
		os.Exit(1)
	}
	os.Exit(probetest.Main(m))
}

// sleep makes a thread fall asleep with a pipe's mutex, until standard input ends,
// or for half a minute: a test program that is stuck on the pipe cannot end before
// that. It prints the pipe's inode number when the thread is about to fall asleep.
func sleep(how string) error {
	var pipe, sockets [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(pipe[0], &st); err != nil {
		return err
	}
	var call func()
	var wake func()
	switch how {
	case "splice":
		var err error
		if sockets, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		call = func() { _, _ = unix.Splice(sockets[0], nil, pipe[1], nil, 100, 0) }
		wake = func() { _ = unix.Close(sockets[1]) }
	case "userfaultfd":
		uffd, page, err := faultingPage()
		if err != nil {
			return err
		}
		call = func() { _, _, _ = unix.Syscall(unix.SYS_WRITE, uintptr(pipe[1]), page, 100) }
		wake = func() { _ = unix.Close(uffd) }
	}
	asleep := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		call()
		close(asleep)
	}()
	fmt.Println(st.Ino)
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
	}
	wake()
	<-asleep
	os.Exit(0)
	return nil
}

// faultingPage makes a page of memory that is never provided: a thread that touches
// it sleeps until the descriptor is closed (userfaultfd(2)).
func faultingPage() (uffd int, page uintptr, err error) {
	const api, ioctlAPI, ioctlRegister, missing = 0xAA, 0xc018aa3f, 0xc020aa00, 1
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, 0, fmt.Errorf("userfaultfd: %w", errno)
	}
	hello := [3]uint64{api}
	if _, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, ioctlAPI, uintptr(unsafe.Pointer(&hello))); errno != 0 {
		return -1, 0, fmt.Errorf("UFFDIO_API: %w", errno)
	}
	b, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return -1, 0, err
	}
	page = uintptr(unsafe.Pointer(&b[0]))
	register := [4]uint64{uint64(page), uint64(len(b)), missing}
	if _, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, ioctlRegister, uintptr(unsafe.Pointer(&register))); errno != 0 {
		return -1, 0, fmt.Errorf("UFFDIO_REGISTER: %w", errno)
	}
	return int(fd), page, nil
}
