//go:build linux

package privilege

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// stoppedEnv makes the test binary a process that is stopped while it holds something.
const stoppedEnv = "IPCTOP_TEST_STOPPED"

func TestMain(m *testing.M) {
	if os.Getenv(stoppedEnv) != "" {
		if _, err := killAfter(50 * time.Millisecond); err != nil {
			os.Exit(1)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		select {}
	}
	os.Exit(m.Run())
}

// Anyone who stops a process in the moment in which it holds what is another's does not
// make it hold that for ever.
func TestStoppedHolderIsKilled(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), stoppedEnv+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	giveUp := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Process.Signal(syscall.SIGCONT) })
	defer giveUp.Stop()
	_ = cmd.Wait()
	if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
}

func TestReleasedInTime(t *testing.T) {
	disarm, err := killAfter(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	disarm()
	if release, err := Hold(); err != nil {
		t.Error(err)
	} else {
		release()
	}
}
