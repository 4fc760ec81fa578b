// Stuckgo is a Go program that gets stuck, or is idle, together with all threads of its runtime.
package main

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	dir := os.Args[2]
	switch os.Args[1] {
	case "idle":
		ch := make(chan os.Signal, 1)
		signal.Notify(ch, syscall.SIGTERM)
		<-ch
	case "fill":
		_, _ = os.Stdout.Write(make([]byte, 1<<20))
	case "pipe":
		// A child writes more than its pipe holds. Its parent, which should read, waits for
		// the child's end.
		child := exec.Command("/proc/self/exe", "fill", dir)
		if _, err := child.StdoutPipe(); err != nil {
			panic(err)
		}
		if err := child.Start(); err != nil {
			panic(err)
		}
		_, _ = child.Process.Wait()
	case "supervise":
		// A child waits for input. Its parent, which should give it, waits for the child's
		// end or SIGTERM.
		child := exec.Command("cat")
		if _, err := child.StdinPipe(); err != nil {
			panic(err)
		}
		if err := child.Start(); err != nil {
			panic(err)
		}
		go func() { _ = child.Wait() }()
		ch := make(chan os.Signal, 1)
		signal.Notify(ch, syscall.SIGTERM)
		<-ch
	case "flock":
		// Two processes lock a file each, and then want the other's.
		if len(os.Args) == 3 {
			child := exec.Command("/proc/self/exe", "flock", dir, "child")
			if err := child.Start(); err != nil {
				panic(err)
			}
		}
		own, other := "a", "b"
		if len(os.Args) > 3 {
			own, other = other, own
		}
		lock(filepath.Join(dir, own))
		time.Sleep(time.Second)
		lock(filepath.Join(dir, other))
	}
}

func lock(path string) {
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC, 0o600)
	if err == nil {
		err = syscall.Flock(fd, syscall.LOCK_EX)
	}
	if err != nil {
		panic(err)
	}
}
