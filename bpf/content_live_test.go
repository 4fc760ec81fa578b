package bpf_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/bpf"
)

// TestContents: one number identifies what a process has, and stays the same as long as the
// process has the same.
func TestContents(t *testing.T) {
	s := open(t)
	of := func(pid int) (content, program uint64) {
		t.Helper()
		times := 0
		if err := s.Contents(func(c bpf.Content) {
			if c.PID == pid {
				content, program = c.Held, c.Program
				times++
			}
		}); err != nil {
			t.Fatal(err)
		}
		if times != 1 {
			t.Errorf("%d is told %d times", pid, times)
		}
		if content == 0 || program == 0 {
			t.Fatalf("%d has %x, its program %x", pid, content, program)
		}
		return content, program
	}
	var other [2]uint64
	for i := range other {
		asleep := exec.Command("sleep", "1000")
		if err := asleep.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = asleep.Process.Kill(); _ = asleep.Wait() }()
		for {
			var program uint64
			if other[i], program = of(asleep.Process.Pid); program != 0 {
				b, err := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", asleep.Process.Pid))
				if err != nil {
					t.Skip(err)
				}
				if strings.Contains(string(b), "nanosleep") {
					break
				}
			}
			time.Sleep(time.Millisecond)
		}
		other[i], _ = of(asleep.Process.Pid)
		if again, _ := of(asleep.Process.Pid); again != other[i] {
			t.Errorf("one that sleeps has %x and then %x", other[i], again)
		}
	}
	if other[0] == other[1] {
		t.Errorf("two processes have %x", other[0])
	}
	// The last of all descriptors, and a descriptor that replaces another one.
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	highest := int(min(limit.Cur, 8192)) - 1
	p, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, file := range []string{"/dev/null", "/dev/zero"} {
		before, _ := of(os.Getpid())
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := syscall.Dup3(int(f.Fd()), highest, syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(highest)
		if after, _ := of(os.Getpid()); after == before {
			t.Errorf("with descriptor %d at %s it has %x as before", highest, file, after)
		}
	}
}
