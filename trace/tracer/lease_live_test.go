//go:build amd64 || arm64

package tracer_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/trace/tracer"
)

func init() {
	// Takes a lease on the file for each line, and prints the result: w and r open the file first, d asks for a shared lease.
	roles["leases"] = func() {
		fd := -1
		for _, how := range strings.Fields(os.Args[1]) {
			await()
			var err error
			if flags, ok := map[string]int{"w": unix.O_RDWR, "r": unix.O_RDONLY}[how]; ok {
				unix.Close(fd)
				fd, err = unix.Open(os.Args[2], flags|unix.O_CLOEXEC, 0)
			}
			if err == nil {
				_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, map[string]int{"w": unix.F_WRLCK, "r": unix.F_RDLCK, "u": unix.F_UNLCK, "d": unix.F_RDLCK}[how])
			}
			fmt.Println(err)
		}
		await()
	}
	// Opens the file for each line.
	roles["opens"] = func() {
		interruptible(unix.SIGUSR2)
		for {
			await()
			fd, err := unix.Open(os.Args[1], unix.O_WRONLY|unix.O_CLOEXEC, 0)
			unix.Close(fd)
			fmt.Println(err)
		}
	}
}

// TestLeases: who took a lease, with whom it conflicts, and how the conflict ended. A request
// that was not granted is not reported.
func TestLeases(t *testing.T) {
	find := watch(t, tracer.Options{Locks: true})
	f, id := lockedFile(t)
	f.Close()
	holder := start(t, role("leases", "w d u w r w u", f.Name()))
	opener := start(t, role("opens", f.Name()))
	told := map[*trace.Event]bool{}
	next := func(p *program, became, mode string) *trace.Event {
		t.Helper()
		e := find(became, func(e *trace.Event) bool { return e.Lock != nil && e.Object == id && !told[e] })
		told[e] = true
		if e.Outcome != became || e.Lock.Kind != "lease" || e.Mode != mode || e.Sender.PID != p.Process.Pid || !strings.HasSuffix(e.Path, f.Name()) || e.Start.Known() || e.End.Known() {
			t.Fatalf("not %s %s: %+v: %q, %+v", became, mode, e.Sender, e.Path, e.Lock)
		}
		return e
	}
	step := func(want error) {
		t.Helper()
		holder.begin()
		if line := holder.line(t); line != fmt.Sprint(want) {
			t.Fatalf("it says %s, not %v", line, want)
		}
	}
	isHolder := func(e *trace.Event) {
		t.Helper()
		if e.Target == nil || e.Target.PID != holder.Process.Pid || e.Target.Comm == "" {
			t.Errorf("%s: the holder is %+v", e.Outcome, e.Target)
		}
	}
	self := &program{}
	self.Cmd = role("")
	self.Process, _ = os.FindProcess(os.Getpid())

	step(nil)
	next(holder, trace.LockTaken, trace.LockWrite)
	if fd, err := unix.Open(f.Name(), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != unix.EAGAIN {
		unix.Close(fd)
		t.Fatal(err)
	}
	e := next(self, trace.LockRefused, trace.LockRead)
	isHolder(e)
	if e.Error != "EAGAIN" {
		t.Errorf("by %s", e.Error)
	}
	opener.begin()
	e = next(opener, trace.LockWaits, trace.LockWrite)
	isHolder(e)
	for _, signal := range []unix.Signal{unix.SIGUSR1, unix.SIGUSR2} { // the wait continues after the first, and is interrupted by the second
		if err := unix.Tgkill(opener.Process.Pid, e.Sender.TID, signal); err != nil {
			t.Fatal(err)
		}
		if signal == unix.SIGUSR1 {
			waitFor(t, "a wait", func() bool { return asleep(opener.Process.Pid, e.Sender.TID) })
		}
	}
	if line := opener.line(t); line != unix.EINTR.Error() {
		t.Fatalf("it says %s", line)
	}
	e = next(opener, trace.LockInterrupted, trace.LockWrite)
	isHolder(e)
	if e.By != "SIGUSR2" || e.Error != "EINTR" || e.Waited <= 0 {
		t.Errorf("%s: %+v", e.Error, e.Lock)
	}
	opener.begin()
	isHolder(next(opener, trace.LockWaits, trace.LockWrite))
	step(unix.EAGAIN) // the file is open for writing: no lease can be shared
	step(nil)
	next(holder, trace.LockReleased, trace.LockWrite)
	e = next(opener, trace.LockCleared, trace.LockWrite)
	isHolder(e)
	if e.Waited <= 0 {
		t.Errorf("it did not wait: %+v", e.Lock)
	}
	if line := opener.line(t); line != "<nil>" {
		t.Fatalf("it says %s", line)
	}

	f, err := os.Open(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	step(unix.EAGAIN) // this process has it open
	step(nil)
	f.Close()
	next(holder, trace.LockTaken, trace.LockRead)
	step(nil)
	next(holder, trace.LockTaken, trace.LockWrite) // through another open file description
}

// TestLeasesForced: a lease is taken from a process that does not release it. The time for that is a
// setting of the whole machine.
func TestLeasesForced(t *testing.T) {
	if b, err := os.ReadFile("/proc/sys/fs/lease-break-time"); err != nil || strings.TrimSpace(string(b)) != "1" {
		t.Skipf("fs.lease-break-time is %s s, not 1 (%v)", b, err)
	}
	find := watch(t, tracer.Options{Locks: true})
	f, id := lockedFile(t)
	f.Close()
	holder := start(t, role("leases", "w u", f.Name()))
	opener := start(t, role("opens", f.Name()))
	holder.begin()
	if line := holder.line(t); line != "<nil>" {
		t.Fatalf("it says %s", line)
	}
	opener.begin()
	if line := opener.line(t); line != "<nil>" {
		t.Fatalf("it says %s", line)
	}
	for _, became := range []string{trace.LockTaken, trace.LockWaits, trace.LockForced, trace.LockCleared} {
		e := find(became, func(e *trace.Event) bool { return e.Lock != nil && e.Object == id && e.Outcome == became })
		if became != trace.LockTaken && (e.Target == nil || e.Target.PID != holder.Process.Pid || e.Sender.PID != opener.Process.Pid) || e.Mode != trace.LockWrite {
			t.Errorf("%s: %+v, %+v: %+v", became, e.Sender, e.Target, e.Lock)
		}
		if became == trace.LockCleared && e.Waited < time.Second/2 {
			t.Errorf("it waited for %v", e.Waited)
		}
	}
}
