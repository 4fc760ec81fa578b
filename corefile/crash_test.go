//go:build linux

package corefile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// crash runs testdata/crash.c as a compiler makes it, kills it with SIGQUIT, and
// returns its core.
func crash(t *testing.T, compiler string, flags ...string) (core string, pid, set int) {
	t.Helper()
	if arches[arches64[runtime.GOARCH]] == nil {
		t.Skip("cores of " + runtime.GOARCH + " are not read")
	}
	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	if err != nil || strings.ContainsAny(string(pattern), "|/%") {
		t.Skipf("cores do not go to the current directory: core_pattern is %q", pattern)
	}
	if _, err := exec.LookPath(compiler); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "crash")
	if out, err := exec.CommandContext(t.Context(), compiler, append(flags, "-o", program, "testdata/crash.c")...).CombinedOutput(); err != nil {
		t.Skipf("%v: %s", err, out)
	}
	memory := fmt.Sprintf("/dev/shm/ipctop-crash-%d", os.Getpid())
	defer os.Remove(memory)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -c unlimited && exec "$0" "$1"`, program, memory)
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscan(out, &pid, &set); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Skipf("the program did not get ready: %v", err)
	}
	defer func() { _, _, _ = unix.Syscall6(unix.SYS_SEMCTL, uintptr(set), 0, unix.IPC_RMID, 0, 0, 0) }()
	// Its threads have to reach the calls in which they wait.
	for end := time.Now().Add(time.Minute); waiting(pid) < 3 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !w.CoreDump() {
		t.Skipf("no core was written: %v", cmd.ProcessState)
	}
	list, err := filepath.Glob(filepath.Join(dir, strings.TrimSpace(string(pattern))+"*"))
	if err != nil || len(list) != 1 {
		t.Fatalf("cores %v, %v", list, err)
	}
	return list[0], pid, set
}

// waiting counts the threads that sleep.
func waiting(pid int) int {
	n := 0
	list, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, name := range list {
		if b, err := os.ReadFile(name); err == nil && strings.Contains(string(b), ") S ") {
			n++
		}
	}
	return n
}

func readFile(t *testing.T, name string) *Core {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Read(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCrash(t *testing.T) {
	// musl reserves one more real-time signal, and its threads have a list of robust
	// mutexes only after they have taken one.
	t.Run("glibc", func(t *testing.T) { testCrash(t, "SIGRTMIN+2", "held by thread %d\n", "gcc", "-pthread") })
	t.Run("musl", func(t *testing.T) {
		testCrash(t, "SIGRTMIN+3", "taken: musl does not note by whom\n", "musl-gcc", "-static")
	})
}

func testCrash(t *testing.T, blocked, taken, compiler string, flags ...string) {
	core, pid, set := crash(t, compiler, flags...)
	c := readFile(t, core)
	if c.Process.PID != pid || c.Process.Comm != "crash" || c.Truncated != model.Some(false) {
		t.Errorf("%+v", c)
	}
	if _, err := os.Stat(fmt.Sprint("/proc/self/task/", c.Process.PPID)); err != nil {
		t.Errorf("its parent is no thread of this process: %v", err)
	}
	if s := c.Signal; s == nil || s.Name != "SIGQUIT" || s.Code != "SI_USER" || s.Sender != model.Some(os.Getpid()) {
		t.Errorf("signal %+v", s)
	}
	if len(c.Threads) != 3 {
		t.Fatalf("%d threads", len(c.Threads))
	}
	main := c.Threads[0]
	if main.TID != pid || !slices.Equal(main.Blocked, []string{"SIGUSR1", blocked}) || !slices.Equal(main.Pending, []string{"SIGUSR1"}) {
		t.Errorf("main thread %+v", main)
	}
	if len(main.Locks) != 1 || !strings.HasPrefix(main.Locks[0].Object, "/memfd:frames") || main.Locks[0].Waiters != model.Some(false) {
		t.Errorf("locks %+v", main.Locks)
	}
	if runtime.GOARCH == "amd64" {
		if main.Call == nil || main.Call.Name != "pause" || !main.Call.Interrupted {
			t.Errorf("call %+v", main.Call)
		}
		text := ""
		for _, thread := range c.Threads[1:] {
			if thread.Call == nil || !thread.Call.Interrupted || (thread.Locks != nil) != (compiler == "gcc") {
				t.Fatalf("thread %+v, call %+v", thread, thread.Call)
			}
			text += thread.Call.Text + "\n"
		}
		for _, want := range []string{fmt.Sprintf("System V semaphore set %d\n", set), strings.ReplaceAll(taken, "%d", strconv.Itoa(pid))} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing in %q", want, text)
			}
		}
	}
	content := map[model.Kind]string{}
	size := map[model.Kind]int64{}
	for _, m := range c.Mappings {
		content[m.Kind], size[m.Kind] = m.Content, m.Size
	}
	// coredump_filter decides what is in the core. The default is 0x33: no shared files.
	for kind, want := range map[model.Kind]int64{model.SysvShm: 8192, model.Memfd: 4096, model.PosixShm: 12288, model.ShmAnon: 16384} {
		if size[kind] != want {
			t.Errorf("%s: %d bytes, want %d", kind, size[kind], want)
		}
	}
	if content[model.SysvShm] != "all" || content[model.PosixShm] != "none" {
		t.Errorf("content %v", content)
	}
	t.Run("cut off", func(t *testing.T) {
		info, err := os.Stat(core)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(core, info.Size()/2); err != nil {
			t.Fatal(err)
		}
		cut := readFile(t, core)
		if cut.Truncated != model.Some(true) || len(cut.Threads) != 3 || cut.Signal.Name != "SIGQUIT" || len(cut.Notes) == 0 {
			t.Errorf("%+v", cut)
		}
	})
}
