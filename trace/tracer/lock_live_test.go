//go:build amd64 || arm64

package tracer_test

import (
	"fmt"
	"io"
	"os"
	ossignal "os/signal"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/proc"
	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/trace/tracer"
)

func init() {
	// Takes a lock on the file for each line, in the way that its argument says.
	roles["locks"] = func() {
		f, err := os.OpenFile(os.Args[2], os.O_RDWR, 0)
		if err != nil {
			fmt.Println(err)
			return
		}
		interruptible(unix.SIGUSR2)
		for _, how := range strings.Fields(os.Args[1]) {
			await()
			fmt.Println(lockBy(f, how))
		}
		await()
	}
}

// interruptible lets a signal's handler interrupt calls: Go has set the handler so that calls are restarted.
func interruptible(signal unix.Signal) {
	ossignal.Notify(make(chan os.Signal, 1), signal, unix.SIGUSR1)
	const restart = 0x10000000                             // SA_RESTART
	var action struct{ handler, flags, rest, mask uint64 } // struct sigaction of the kernel
	set := func(new, old unsafe.Pointer) {
		if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(signal), uintptr(new), uintptr(old), unsafe.Sizeof(action.mask), 0, 0); errno != 0 {
			fmt.Println(errno)
		}
	}
	set(nil, unsafe.Pointer(&action))
	action.flags &^= restart
	set(unsafe.Pointer(&action), nil)
}

// lockBy does the operation on a file that a word names: the call, the mode and, in capitals,
// whether it waits.
func lockBy(f *os.File, how string) error {
	flock := map[string]int{
		"flock-r": unix.LOCK_SH | unix.LOCK_NB, "flock-w": unix.LOCK_EX | unix.LOCK_NB, "FLOCK-W": unix.LOCK_EX, "flock-u": unix.LOCK_UN,
	}
	if operation, ok := flock[how]; ok {
		return unix.Flock(int(f.Fd()), operation)
	}
	command, mode, _ := strings.Cut(how, "-")
	number := map[string]int{"posix": unix.F_SETLK, "POSIX": unix.F_SETLKW, "ofd": unix.F_OFD_SETLK, "OFD": unix.F_OFD_SETLKW}[command]
	lock := unix.Flock_t{Type: map[string]int16{"r": unix.F_RDLCK, "w": unix.F_WRLCK, "W": unix.F_WRLCK, "u": unix.F_UNLCK}[mode], Whence: io.SeekStart, Start: 10, Len: 5}
	return unix.FcntlFlock(f.Fd(), number, &lock)
}

// lockedFile makes a file to lock, and returns its id.
func lockedFile(t *testing.T) (f *os.File, id string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "the-lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return f, fmt.Sprintf("file:%s:%d", proc.DevString(proc.Dev(unix.Major(st.Dev), unix.Minor(st.Dev))), st.Ino)
}

// TestLocks checks the outcomes of locks of each type.
func TestLocks(t *testing.T) {
	for _, kind := range []string{"flock", "posix", "ofd"} {
		t.Run(kind, func(t *testing.T) {
			find := watch(t, tracer.Options{Locks: true})
			f, id := lockedFile(t)
			p := start(t, role("locks", strings.ReplaceAll("X-r X-w X-w", "X", kind)+" "+strings.ToUpper(kind)+"-W", f.Name()))
			step := func(want string) {
				t.Helper()
				p.begin()
				if line := p.line(t); line != want {
					t.Fatalf("it says %s, not %s", line, want)
				}
			}
			own := func(how string) {
				t.Helper()
				if err := lockBy(f, kind+"-"+how); err != nil {
					t.Fatal(err)
				}
			}
			event := func(pid int, became, mode string) *trace.Event {
				t.Helper()
				e := find(became, func(e *trace.Event) bool {
					return e.Lock != nil && e.Object == id && e.Sender.PID == pid && e.Outcome == became && e.Mode == mode
				})
				start, isRange := e.Start.Get()
				if e.Lock.Kind != kind || e.Path != f.Name() && !strings.HasSuffix(e.Path, f.Name()) || isRange != (kind != "flock") ||
					isRange && (start != 10 || e.End.Or(0) != 14) {
					t.Errorf("%s: %s at %q: %+v", became, id, e.Path, e.Lock)
				}
				return e
			}
			other, self := p.Process.Pid, os.Getpid()
			step("<nil>")
			event(other, trace.LockTaken, trace.LockRead)
			step("<nil>")
			if e := event(other, trace.LockUpgraded, trace.LockWrite); e.Before != trace.LockRead {
				t.Errorf("it had %q", e.Before)
			}
			if err := lockBy(f, kind+"-w"); err != unix.EAGAIN {
				t.Fatal(err)
			}
			if e := event(self, trace.LockRefused, trace.LockWrite); e.Error != "EAGAIN" {
				t.Errorf("refused by %q", e.Error)
			}
			done := make(chan error)
			go func() { done <- lockBy(f, strings.ToUpper(kind)+"-W") }()
			if e := event(self, trace.LockWaits, trace.LockWrite); e.Target == nil || e.Target.PID != other || e.Target.Comm == "" {
				t.Errorf("it waits for %+v", e.Target)
			}
			_ = p.Process.Kill() // which releases its locks
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			event(other, trace.LockEnded, trace.LockWrite)
			if e := event(self, trace.LockTaken, trace.LockWrite); e.Waited <= 0 {
				t.Errorf("it did not wait: %+v", e.Lock)
			}
			own("u")
			event(self, trace.LockReleased, trace.LockWrite)
			own("r")
			event(self, trace.LockTaken, trace.LockRead)
			f.Close()
			event(self, trace.LockClosed, trace.LockRead)
		})
	}
}

// TestLocksWaitedForInVain: how a wait ended without the lock: by a signal whose handler interrupts
// the call, or by the end of the process, but not by a signal after which the call goes on.
func TestLocksWaitedForInVain(t *testing.T) {
	for _, kind := range []string{"flock", "posix", "ofd"} {
		t.Run(kind, func(t *testing.T) {
			find := watch(t, tracer.Options{Locks: true})
			f, id := lockedFile(t)
			wait := strings.ToUpper(kind) + "-W"
			p := start(t, role("locks", wait+" "+wait, f.Name()))
			if err := lockBy(f, kind+"-w"); err != nil {
				t.Fatal(err)
			}
			told := map[*trace.Event]bool{}
			next := func(became string) *trace.Event {
				t.Helper()
				e := find(became, func(e *trace.Event) bool {
					return e.Lock != nil && e.Object == id && e.Sender.PID == p.Process.Pid && !told[e]
				})
				told[e] = true
				start, isRange := e.Start.Get()
				if e.Outcome != became || e.Lock.Kind != kind || e.Mode != trace.LockWrite || !strings.HasSuffix(e.Path, f.Name()) || isRange != (kind != "flock") ||
					isRange && (start != 10 || e.End.Or(0) != 14) {
					t.Fatalf("not %s: %s at %q: %+v", became, id, e.Path, e.Lock)
				}
				return e
			}
			p.begin()
			waits := next(trace.LockWaits)
			for _, signal := range []unix.Signal{unix.SIGUSR1, unix.SIGSTOP, unix.SIGCONT, unix.SIGUSR2} {
				if err := unix.Tgkill(p.Process.Pid, waits.Sender.TID, signal); err != nil {
					t.Fatal(err)
				}
				if signal != unix.SIGUSR2 { // it waits again, or still
					waitFor(t, "a wait", func() bool { return asleep(p.Process.Pid, waits.Sender.TID) == (signal != unix.SIGSTOP) })
				}
			}
			if line := p.line(t); line != unix.EINTR.Error() {
				t.Fatalf("it says %s", line)
			}
			if e := next(trace.LockInterrupted); e.By != "SIGUSR2" || e.Error != "EINTR" || e.Waited <= 0 || e.Sender.TID != waits.Sender.TID {
				t.Errorf("%s of thread %d, by %s: %+v", e.Error, e.Sender.TID, e.By, e.Lock)
			}
			p.begin()
			next(trace.LockWaits)
			_ = p.Process.Kill()
			if e := next(trace.LockAbandoned); e.By != "" || e.Error != "" || e.Waited <= 0 {
				t.Errorf("%s, by %s: %+v", e.Error, e.By, e.Lock)
			}
		})
	}
}

// asleep reports whether a thread is in an interruptible sleep, with no signal pending.
func asleep(pid, tid int) bool {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/status", pid, tid))
	return strings.Contains(string(b), "State:\tS") && strings.Contains(string(b), "SigPnd:\t0000000000000000")
}
