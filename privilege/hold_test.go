//go:build linux

package privilege

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// stoppedEnv makes the test binary a process that is stopped while it holds something.
const stoppedEnv = "IPCTOP_TEST_STOPPED"

func TestMain(m *testing.M) {
	switch os.Getenv(stoppedEnv) {
	case "holding":
		if _, err := killAfter(50 * time.Millisecond); err != nil {
			os.Exit(1)
		}
	case "scanning":
		const limit = 3 * time.Second
		if _, err := killIfStopped(limit); err != nil {
			os.Exit(1)
		}
		time.Sleep(limit + limit/3)
		fmt.Println("it runs")
	default:
		os.Exit(m.Run())
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	select {}
}

// A user who stops a process while it holds something of another process cannot make it
// hold that for ever.
func TestStoppedHolderIsKilled(t *testing.T) { stoppedIsKilled(t, "holding") }

// Nor can a user who stops it during a scan. As long as it runs, it may scan for longer
// than it may be stopped.
func TestStoppedScanIsKilled(t *testing.T) {
	if out := stoppedIsKilled(t, "scanning"); out != "it runs\n" {
		t.Errorf("it was killed before it was stopped; it said %q", out)
	}
}

func stoppedIsKilled(t *testing.T, doing string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), stoppedEnv+"="+doing)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	giveUp := time.AfterFunc(40*time.Second, func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Process.Signal(syscall.SIGCONT) })
	defer giveUp.Stop()
	_ = cmd.Wait()
	if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
	return out.String()
}

func TestReleasedInTime(t *testing.T) {
	disarm, err := killAfter(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	disarm()
	release, err := killIfStopped(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	release()
	for _, hold := range []func() (func(), error){Hold, Scanning} {
		if release, err := hold(); err != nil {
			t.Error(err)
		} else {
			release()
		}
	}
}
