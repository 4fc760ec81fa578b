//go:build linux

// Command deadleader ends its main thread and goes on in another one. That thread holds a pipe
// with five bytes in it, a FIFO, a lock on a file, shared memory, and a socket at a path relative
// to its working directory. Its argument is a directory. It ends when its standard input does.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// The main goroutine stays on the main thread.
func init() { runtime.LockOSThread() }

func main() {
	dir := os.Args[1]
	var pipe [2]int
	if err := syscall.Pipe(pipe[:]); err != nil {
		fail(err)
	}
	if _, err := syscall.Write(pipe[1], []byte("hello")); err != nil {
		fail(err)
	}
	path := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		fail(err)
	}
	if _, err := syscall.Open(path, syscall.O_RDWR, 0); err != nil {
		fail(err)
	}
	file, err := os.Create(filepath.Join(dir, "locked"))
	if err != nil {
		fail(err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		fail(err)
	}
	memory, err := syscall.Mmap(-1, 0, 2*os.Getpagesize(), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANONYMOUS)
	if err != nil {
		fail(err)
	}
	memory[0] = 1
	if err := os.Chdir(dir); err != nil {
		fail(err)
	}
	listener, err := net.Listen("unix", "socket")
	if err != nil {
		fail(err)
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(pipe[0], &st); err != nil {
		fail(err)
	}
	go func() {
		fmt.Printf("pipe %d\n", st.Ino)
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
		runtime.KeepAlive(file)
		runtime.KeepAlive(listener)
		os.Exit(0)
	}()
	_, _, _ = syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0)
}

func fail(err error) {
	fmt.Println("error", err)
	os.Exit(1)
}
