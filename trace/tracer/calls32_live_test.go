//go:build amd64 || arm64

package tracer_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/trace"
	"github.com/ipctop/ipctop/trace/tracer"
)

// build32 compiles a program for the 32-bit architecture whose programs this machine runs, or
// skips the test.
func build32(t *testing.T, dir string) (program string) {
	t.Helper()
	source, err := bpf.Open() // before compiling for nothing
	if err != nil {
		t.Skip(err)
	}
	source.Close()
	program = probetest.Build(t, dir, probetest.Arch32)
	try := exec.Command(program)
	if err := try.Start(); err != nil {
		t.Skipf("this machine runs no 32-bit programs: %v", err)
	}
	_ = try.Process.Kill()
	_ = try.Wait()
	return program
}

// TestPassed32: descriptors that a 32-bit program passes by sendmmsg(2) and recvmmsg(2), called in
// both ways. Pointers in its messages have 32 bits.
func TestPassed32(t *testing.T) {
	program := build32(t, "./testdata/passes32")
	find := watch(t, tracer.Options{Passes: true})
	p := start(t, exec.Command(program))
	if got := p.line(t); got != "ready" {
		t.Skipf("this machine runs no 32-bit programs: it says %q", got)
	}
	p.begin()
	messages, err := strconv.Atoi(p.line(t))
	if err != nil || messages == 0 {
		t.Fatalf("%d messages: %v", messages, err)
	}
	for _, how := range []string{trace.PassedSent, trace.PassedReceived} {
		told := map[*trace.Event]bool{}
		for range messages {
			e := find(how, func(e *trace.Event) bool {
				return e.Passed != nil && e.How == how && e.Sender != nil && e.Sender.PID == p.Process.Pid && !told[e]
			})
			told[e] = true
			if e.Number != 2 || len(e.Given) != 2 || e.Given[0].Object != fmt.Sprintf("pipe:%d", inode(t, p.in)) || e.Via == "" {
				t.Errorf("%s: %+v", how, e.Passed)
			}
		}
	}
}

// TestBlocked32: the call in which a 32-bit program waited. Such programs have other system
// call numbers and pass arguments in other registers.
func TestBlocked32(t *testing.T) {
	program := build32(t, "../../traffic/testdata/calls32")
	find := watch(t, tracer.Options{Over: over})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(r.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Stdin = r
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	r.Close()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Skipf("it says %q", lines.Text())
	}
	waitFor(t, "a thread that reads", func() bool { // any thread: the runtime may have moved to another
		calls, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", cmd.Process.Pid))
		return slices.ContainsFunc(calls, func(path string) bool {
			b, _ := os.ReadFile(path)
			return strings.HasPrefix(string(b), "3 0x0 ")
		})
	})
	time.Sleep(2 * over)
	fmt.Fprintln(w)
	e := find("a read", func(e *trace.Event) bool {
		return e.Blocked != nil && e.Target.PID == cmd.Process.Pid && e.Object != ""
	})
	if want := fmt.Sprintf("pipe:%d", st.Ino); e.Call != "read" || e.Object != want || e.Sender == nil || e.Sender.PID != os.Getpid() {
		t.Errorf("it waited in %q at %s until %+v woke it; it was read at %s", e.Call, e.Object, e.Sender, want)
	}
}
