// Program int80 is a 64-bit program that waits in 32-bit system calls: for a pipe in one
// thread, for a child in the other. It ends when its standard input does.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// int80 makes a 32-bit system call.
func int80(number, a, b, c uintptr) uintptr

func main() {
	if len(os.Args) > 1 { // the child that is waited for
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	runtime.GOMAXPROCS(8) // the runtime takes threads in such calls for computing
	low, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_32BIT)
	var p [2]int
	if err == nil {
		err = unix.Pipe2(p[:], unix.O_CLOEXEC)
	}
	child := exec.Command("/proc/self/exe", "child")
	var stdin io.Closer
	if err == nil {
		stdin, err = child.StdinPipe()
	}
	if err == nil {
		err = child.Start()
	}
	var st unix.Stat_t
	if err == nil {
		err = unix.Fstat(p[0], &st)
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	blocked := func(name, object string, number, a, b, c uintptr) {
		ready := make(chan bool)
		go func() {
			runtime.LockOSThread()
			fmt.Println(name, unix.Gettid(), object)
			close(ready)
			int80(number, a, b, c)
		}()
		<-ready
	}
	at := uintptr(unsafe.Pointer(&low[0]))
	blocked("read", fmt.Sprintf("pipe:%d", st.Ino), 3, uintptr(p[0]), at, 1)
	blocked("wait4", fmt.Sprint(child.Process.Pid), 7, uintptr(child.Process.Pid), at+8, 0)
	fmt.Println("ready 0")
	_, _ = io.Copy(io.Discard, os.Stdin)
	stdin.Close()
}
