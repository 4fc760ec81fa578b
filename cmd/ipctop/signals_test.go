package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Ctrl-C and SIGTERM end a command whatever it does, even in calls that cannot be interrupted
// from within: opening a FIFO that nobody writes to, or reading from a silent input.
func TestSignalsEndCommands(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"from":          {"--from", fifo, "dump"},
		"stdin":         {"--from", "-", "dump"},
		"live":          {"--from", fifo},
		"postmortem":    {"postmortem", fifo},
		"history":       {"check", "--history", fifo},
		"replay":        {"replay", fifo},
		"diff":          {"diff", fifo, fifo},
		"a long sample": {"why", "--sample", "1h"},
	} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(name+" "+sig.String(), func(t *testing.T) {
				t.Parallel()
				for n := range 50 {
					s := signalled(t, sig, args, time.Duration(n+1)*100*time.Millisecond)
					if s.Signaled() && s.Signal() == sig {
						continue // it had not reached main yet
					}
					if s.ExitStatus() != 128+int(sig) {
						t.Errorf("exit status %d, signal %v", s.ExitStatus(), s.Signal())
					}
					return
				}
				t.Error("it never came to main")
			})
		}
	}
}

// signalled starts a command, signals it after the time that it should need to reach the call in
// which it hangs, and returns how it ended.
func signalled(t *testing.T, sig syscall.Signal, args []string, after time.Duration) syscall.WaitStatus {
	t.Helper()
	silent, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	defer w.Close()
	cmd := exec.Command(testProgram(t), args...)
	cmd.Env = append(os.Environ(), mainEnv+"=1")
	cmd.Stdin = silent
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	giveUp := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer giveUp.Stop()
	time.Sleep(after)
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	return cmd.ProcessState.Sys().(syscall.WaitStatus)
}
