// Program calls32 blocks one thread in each of the calls in which a 32-bit program waits.
// It prints which thread is in which call. It ends when its standard input does.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// must gives a result, or ends the program.
func must[T any](v T, err error) T {
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	return v
}

// blocked prints which thread makes a call, and makes it.
func blocked(name, object string, call func()) {
	ready := make(chan bool)
	go func() {
		runtime.LockOSThread()
		fmt.Println(name, unix.Gettid(), object)
		close(ready)
		call()
	}()
	<-ready
}

func inode(fd int) uint64 {
	var st unix.Stat_t
	must(0, unix.Fstat(fd, &st))
	return st.Ino
}

func main() {
	if len(os.Args) > 1 { // the child that is waited for
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	var p [2]int
	must(0, unix.Pipe2(p[:], unix.O_CLOEXEC))
	pipe := fmt.Sprintf("pipe:%d", inode(p[0]))
	var b [64]byte
	at := func(p unsafe.Pointer) uintptr { return uintptr(p) }
	blocked("read", pipe, func() { _, _, _ = unix.Syscall(unix.SYS_READ, uintptr(p[0]), at(unsafe.Pointer(&b)), 1) })
	polled := &[1]unix.PollFd{{Fd: int32(p[0]), Events: unix.POLLIN}}
	blocked("poll", pipe, func() { _, _, _ = unix.Syscall(unix.SYS_POLL, at(unsafe.Pointer(polled)), 1, ^uintptr(0)) })
	set := &unix.FdSet{}
	set.Set(p[0])
	blocked("select", pipe, func() {
		_, _, _ = unix.Syscall6(unix.SYS__NEWSELECT, uintptr(p[0]+1), at(unsafe.Pointer(set)), 0, 0, 0, 0)
	})

	path := must(os.MkdirTemp("", "calls32"))
	defer os.RemoveAll(path)
	file := must(os.Create(path + "/lock"))
	other := must(os.OpenFile(path+"/lock", os.O_RDWR, 0))
	must(0, unix.Flock(int(file.Fd()), unix.LOCK_EX))
	blocked("flock", path+"/lock", func() { _ = unix.Flock(int(other.Fd()), unix.LOCK_EX) })
	held := unix.Flock_t{Type: unix.F_WRLCK, Start: 100, Len: 50}
	must(0, unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &held))
	wanted := unix.Flock_t{Type: unix.F_WRLCK, Start: 120, Len: 10}
	blocked("fcntl", "120-129", func() { _ = unix.FcntlFlock(other.Fd(), unix.F_OFD_SETLKW, &wanted) })

	child := exec.Command("/proc/self/exe", "child")
	stdin := must(child.StdinPipe())
	must(0, child.Start())
	blocked("wait4", fmt.Sprint(child.Process.Pid), func() { _, _ = unix.Wait4(child.Process.Pid, nil, 0, nil) })
	pair := must(unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	blocked("recvfrom", fmt.Sprintf("unix:%d", inode(pair[0])), func() { _, _, _ = unix.Recvfrom(pair[0], b[:1], 0) })
	listener := must(must(net.ListenTCP("tcp", nil)).File())
	must(0, unix.SetNonblock(int(listener.Fd()), false))
	blocked("accept", fmt.Sprintf("tcp:%d", inode(int(listener.Fd()))), func() { _, _, _ = unix.Accept(int(listener.Fd())) })
	word := new(uint32)
	blocked("futex", "", func() { _, _, _ = unix.Syscall6(unix.SYS_FUTEX, at(unsafe.Pointer(word)), 0x80, 0, 0, 0, 0) })
	hour := &unix.Timespec{Sec: 3600}
	blocked("nanosleep", "", func() { _ = unix.Nanosleep(hour, nil) })

	fmt.Println("ready 0")
	_, _ = io.Copy(io.Discard, os.Stdin)
	stdin.Close()
}
