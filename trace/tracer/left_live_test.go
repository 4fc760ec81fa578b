//go:build amd64 || arm64

package tracer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/trace/tracer"
)

func init() {
	// Makes a System V segment, then a file in /dev/shm and a lock, and ends.
	roles["leaves"] = func() {
		await()
		id, _, errno := unix.Syscall(unix.SYS_SHMGET, 0, 4096, 0o600)
		if errno != 0 {
			fmt.Println(errno)
			return
		}
		fmt.Println(id)
		await()
		memory, err := os.Create(os.Args[1])
		if err != nil {
			fmt.Println(err)
			return
		}
		defer memory.Close()
		f, err := os.Open(os.Args[2])
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(unix.Flock(int(f.Fd()), unix.LOCK_EX))
		await()
		os.Exit(0) // everything is still open
	}
}

// TestExitsLeave: the objects that a process left, including shared memory that it made before
// the trace began, and the locks that ended with it.
func TestExitsLeave(t *testing.T) {
	var fs unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &fs); err != nil || fs.Type != unix.TMPFS_MAGIC {
		t.Skip("there is no tmpfs at /dev/shm")
	}
	memory := filepath.Join("/dev/shm", fmt.Sprintf("ipctop-trace-left-%d", os.Getpid()))
	t.Cleanup(func() { _ = os.Remove(memory) })
	for _, before := range []bool{false, true} {
		f, lock := lockedFile(t)
		p := start(t, role("leaves", memory, f.Name()))
		segment := func() string {
			p.begin()
			id, err := strconv.Atoi(p.line(t))
			if err != nil {
				t.Skip(err)
			}
			t.Cleanup(func() { unix.Syscall(unix.SYS_SHMCTL, uintptr(id), 0, 0) }) // IPC_RMID
			return fmt.Sprintf("sysv-shm:%d", id)
		}
		var find finder
		var made string
		if before {
			made = segment()
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
			if err != nil {
				t.Fatal(err)
			}
			st, err := proc.ParseStat(text)
			if err != nil {
				t.Fatal(err)
			}
			find = watch(t, tracer.Options{Exits: true, Snapshot: &model.Snapshot{Processes: []*model.Process{
				{PID: p.Process.Pid, StartTicks: st.StartTicks, StartTime: time.Now().Add(-time.Minute), Comm: st.Comm},
			}}})
		} else {
			find = watch(t, tracer.Options{Exits: true})
			made = segment()
		}
		p.begin()
		if line := p.line(t); line != "<nil>" {
			t.Fatal(line)
		}
		var st unix.Stat_t
		if err := unix.Stat(memory, &st); err != nil {
			t.Fatal(err)
		}
		p.begin()
		e := find("exit", func(e *trace.Event) bool {
			if e.Exit == nil && (e.Lock != nil || e.Existence != nil) {
				t.Errorf("it tells of %s, too", e.Event)
			}
			return e.Exit != nil && e.Target.PID == p.Process.Pid
		})
		dev := proc.DevString(proc.Dev(unix.Major(st.Dev), unix.Minor(st.Dev)))
		want := []trace.File{{Object: fmt.Sprintf("posix-shm:%s:%d", dev, st.Ino), Name: memory}, {Object: made, Name: "0x00000000"}}
		if !slices.Equal(e.Left, want) {
			t.Errorf("it left %v, not %v", e.Left, want)
		}
		if len(e.Locks) != 1 || e.Locks[0].Object != lock || !strings.HasSuffix(e.Locks[0].Name, f.Name()) {
			t.Errorf("its locks were on %v, not on %s %s", e.Locks, lock, f.Name())
		}
		if err := os.Remove(memory); err != nil {
			t.Fatal(err)
		}
	}
}
