package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/bpf"
)

func TestTraceUsage(t *testing.T) {
	for _, test := range []struct {
		args   string
		status int
		stderr string
	}{
		{"trace --from x.json", exitUsage, "--from has no use here"},
		{"trace --source procfs", exitUsage, "by eBPF alone"},
		{"trace --for -1s", exitUsage, "cannot be negative"},
		{"trace -o xml", exitUsage, "unknown output format"},
		{"trace --color pink", exitUsage, "--color is"},
		{"trace --signal NONSENSE", exitUsage, "there is no signal"},
		{"trace -p x", exitUsage, "x is no pid"},
		{"trace signal -p 4194304", exitNotFound, "there is no process 4194304"},
	} {
		status, out, errs := run(t, "", strings.Fields(test.args)...)
		if status != test.status || out != "" || !strings.Contains(errs, test.stderr) || strings.Count(errs, "\n") != 1 {
			t.Errorf("ipctop %s: status %d, stdout %q, stderr %q", test.args, status, out, errs)
		}
	}
}

// TestTraceSaysWhatItLacks runs trace without eBPF, or as a user who may not use it.
func TestTraceSaysWhatItLacks(t *testing.T) {
	cmd := self("trace", "--for", "1ms")
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err == nil && os.Geteuid() != 0 {
		t.Skip("this user may use eBPF")
	}
	if cmd.ProcessState.ExitCode() != exitFailed || out.Len() > 0 || !strings.HasPrefix(errs.String(), "ipctop: trace needs eBPF, and ") ||
		strings.Count(errs.String(), "\n") != 1 {
		t.Errorf("%v, stdout %q, stderr %q", err, out.String(), errs.String())
	}
}

// locked is a buffer that can be read while it is written.
type locked struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// traced runs a trace until text is on its standard output, and returns its status and output.
func traced(t *testing.T, do func(), text string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	source, err := bpf.Open()
	if err != nil {
		t.Skip("no eBPF: ", err)
	}
	source.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs locked
	ended := make(chan int, 1)
	go func() {
		ended <- command{strings.NewReader(""), &out, &errs}.main(ctx, append([]string{"trace", "--self"}, args...))
	}()
	wait := func(what string, is func() bool) {
		for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: stdout %q, stderr %q", what, out.String(), errs.String())
			}
		}
	}
	wait("it begins", func() bool { return strings.Contains(errs.String(), "tracing") })
	do()
	wait("it tells", func() bool { return strings.Contains(out.String(), text) })
	cancel()
	return <-ended, out.String(), errs.String()
}

// TestTraceSignal asks who ended a process, as text and as JSON.
func TestTraceSignal(t *testing.T) {
	for _, format := range []string{"table", "jsonl"} {
		cmd := exec.Command("sleep", "1000")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		pid := strconv.Itoa(cmd.Process.Pid)
		status, out, errs := traced(t, func() { _ = cmd.Process.Signal(syscall.SIGTERM) }, "SIGTERM",
			"signal", "-p", pid, "--signal", "TERM", "-o", format, "--ascii")
		if status != exitOK {
			t.Errorf("status %d: %s", status, errs)
		}
		if format == "table" {
			if want := "(" + strconv.Itoa(os.Getpid()) + ") -> sleep(" + pid + ")  SIGTERM  by kill: ends it\n"; !strings.Contains(out, want) {
				t.Errorf("it says %q, not %q", out, want)
			}
			continue
		}
		var e struct {
			Type, Event, Signal, Code, Cause, Fate, Effect, Reason string
			Sender, Target                                         struct{ PID int }
			Time                                                   time.Time
		}
		if err := json.Unmarshal([]byte(out), &e); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if e.Type != "event" || e.Event != "signal" || e.Signal != "SIGTERM" || e.Code != "SI_USER" || e.Cause != "kill" ||
			e.Fate != "delivered" || e.Effect != "ends" || e.Sender.PID != os.Getpid() || e.Target.PID != cmd.Process.Pid ||
			time.Since(e.Time) > time.Hour || time.Until(e.Time) > time.Minute {
			t.Errorf("it tells %s", out)
		}
	}
}

// TestTraceName traces processes by a name that no process has yet.
func TestTraceName(t *testing.T) {
	_, out, errs := traced(t, func() {
		cmd := exec.Command("sh", "-c", "trap : USR1; kill -USR1 $$; read line")
		cmd.Args[0] = "ipctop-trace-x:"
		in, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	}, "SIGUSR1", "signal", "ipctop-trace-x", "--signal", "USR1", "--ascii")
	if !strings.Contains(errs, "no process is called ipctop-trace-x yet") || strings.Count(out, "\n") != 1 {
		t.Errorf("stdout %q, stderr %q", out, errs)
	}
}

// TestTraceConnect reports who connects to a path on which nobody listens yet, and nothing else.
func TestTraceConnect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	dial := func(path string) {
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
		}
	}
	_, out, errs := traced(t, func() { dial(path + "-other"); dial(path) }, "ENOENT", "connect", path, "--ascii")
	want := "(" + strconv.Itoa(os.Getpid()) + ")  did not connect to " + path + "  ENOENT\n"
	if !strings.Contains(errs, "there is no "+path+" yet") || !strings.HasSuffix(out, want) || strings.Count(out, "\n") != 1 {
		t.Errorf("stdout %q, stderr %q", out, errs)
	}
}
