//go:build amd64 || arm64

package tracer_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/proc"
	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/trace/tracer"
)

// TestExits checks how ends of processes are reported.
func TestExits(t *testing.T) {
	find := watch(t, tracer.Options{Exits: true})
	for _, test := range []struct {
		script, killed string
		status         int
	}{{"exit 7", "", 7}, {"kill -KILL $$", "SIGKILL", 0}, {"exit 0", "", 0}} {
		cmd := exec.Command("sh", "-c", test.script)
		_ = cmd.Run()
		e := find(test.script, func(e *trace.Event) bool { return e.Exit != nil && e.Target.PID == cmd.Process.Pid })
		status, known := e.Result.Get()
		if e.Killed != test.killed || known != (test.killed == "") || status != test.status || e.Age <= 0 || e.Age > time.Hour {
			t.Errorf("%s: %+v", test.script, e.Exit)
		}
	}
}

// over is how long a wait must last in these tests to be reported. Nobody acts before a
// thread has waited for so long.
const over = 50 * time.Millisecond

// waits waits until a process sleeps in one of these system calls, and then for longer than over.
func waits(t *testing.T, pid int, numbers ...int) {
	t.Helper()
	waitFor(t, "a thread that waits", func() bool {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
		for _, n := range numbers {
			if len(b) > 0 && string(b[:min(len(b), len(fmt.Sprint(n))+1)]) == fmt.Sprint(n)+" " {
				return true
			}
		}
		return false
	})
	time.Sleep(2 * over)
}

// TestBlocked checks who waited, on what, and who woke the waiter.
func TestBlocked(t *testing.T) {
	find := watch(t, tracer.Options{Over: over})
	blocked := func(pid int, call string) func(*trace.Event) bool {
		return func(e *trace.Event) bool { return e.Blocked != nil && e.Target.PID == pid && e.Call == call }
	}
	check := func(t *testing.T, e *trace.Event, waker int, object string) {
		t.Helper()
		if e.Sender == nil || e.Sender.PID != waker || e.WokenBy != trace.WokenByProcess || e.Object != object || e.For < over || e.For > time.Hour {
			t.Errorf("woken by %+v, want %d; %+v at %q, want %s", e.Sender, waker, e.Blocked, e.Object, object)
		}
		if e.Minor() {
			t.Error("it is called idle")
		}
	}
	t.Run("pipe", func(t *testing.T) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		var st unix.Stat_t
		if err := unix.Fstat(int(r.Fd()), &st); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("cat")
		cmd.Stdin = r
		p := start(t, cmd)
		r.Close()
		waits(t, p.Process.Pid, unix.SYS_READ)
		fmt.Fprintln(w)
		check(t, find("read", blocked(p.Process.Pid, "read")), os.Getpid(), fmt.Sprintf("pipe:%d", st.Ino))
	})
	t.Run("file lock", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "lock")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			t.Fatal(err)
		}
		if _, err := exec.LookPath("flock"); err != nil {
			t.Skip(err)
		}
		cmd := exec.Command("flock", path, "true")
		p := start(t, cmd)
		waits(t, p.Process.Pid, unix.SYS_FLOCK)
		var st unix.Stat_t
		if err := unix.Fstat(int(f.Fd()), &st); err != nil {
			t.Fatal(err)
		}
		_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
		dev := proc.DevString(proc.Dev(unix.Major(st.Dev), unix.Minor(st.Dev)))
		check(t, find("flock", blocked(p.Process.Pid, "flock")), os.Getpid(), fmt.Sprintf("file:%s:%d", dev, st.Ino))
	})
	t.Run("System V semaphore", func(t *testing.T) {
		id, _, errno := unix.Syscall(unix.SYS_SEMGET, 0, 1, 0o600)
		if errno != 0 {
			t.Skip("no System V semaphores: ", errno)
		}
		defer unix.Syscall6(unix.SYS_SEMCTL, id, 0, 0, 0, 0, 0) // IPC_RMID
		p := start(t, role("semaphore", fmt.Sprint(id)))
		p.begin()
		// The waiter is one of the threads of a Go program.
		waitFor(t, "a thread that waits", func() bool {
			n, _, _ := unix.Syscall6(unix.SYS_SEMCTL, id, 0, 14, 0, 0, 0) // GETNCNT
			return n == 1
		})
		time.Sleep(2 * over)
		post := struct {
			num     uint16
			op, flg int16
		}{op: 1}
		if _, _, errno := unix.Syscall(unix.SYS_SEMOP, id, uintptr(unsafe.Pointer(&post)), 1); errno != 0 {
			t.Fatal(errno)
		}
		check(t, find("semop", blocked(p.Process.Pid, "semop")), os.Getpid(), fmt.Sprintf("sysv-sem:%d", id))
	})
	t.Run("a sleep is idleness", func(t *testing.T) {
		p := start(t, role("naps"))
		e := find("sleep", blocked(p.Process.Pid, "nanosleep"))
		if !e.Minor() || e.WokenBy != trace.WokenByTimer || e.Sender != nil {
			t.Errorf("%+v %+v", e.Sender, e.Blocked)
		}
	})
	t.Run("a child", func(t *testing.T) {
		p := start(t, exec.Command("sh", "-c", "sleep 0.2; exit 0"))
		e := find("wait4", blocked(p.Process.Pid, "wait4"))
		if e.Sender == nil || e.Sender.Comm != "sleep" {
			t.Errorf("woken by %+v", e.Sender)
		}
	})
}
