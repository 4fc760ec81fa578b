package main

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// apartEnv is the name of the test to run in its own namespaces.
const apartEnv = "IPCTOP_TEST_APART"

// apart reports whether the test can make things hang safely: it is the first process of new pid
// and mount namespaces with their own /proc, so that its scans see only its own processes and no
// other process sees what it mounts. If not, it runs the test there, and the caller must return.
//
// Everything that hangs ends within half a minute, whatever happens to the test: see
// [fuseEnv]. Other processes on the machine can reach it only through /proc/PID/fd, cwd and
// memory of the test's processes, and wait no longer than the test takes.
func apart(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making namespaces and mounts needs CAP_SYS_ADMIN")
	}
	if os.Getenv(apartEnv) == t.Name() {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Skipf("no mounts of its own: %v", err)
		}
		if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
			t.Skipf("no /proc of its own: %v", err)
		}
		return true
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=170s")
	cmd.Env = append(os.Environ(), apartEnv+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID}
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	switch text := string(out); {
	case err != nil && len(out) == 0:
		t.Skipf("no namespaces here: %v", err)
	case err != nil || !strings.Contains(text, "--- "):
		t.Errorf("%v\n%s", err, text)
	case strings.Contains(text, "--- SKIP: "+t.Name()+" "):
		t.Skip(text)
	default:
		t.Log(text)
	}
	return false
}

// apartIfCan is like [apart], for a test that runs without isolation if there can be none.
func apartIfCan(t *testing.T) bool {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, caps, _ := strings.Cut(string(status), "\nCapEff:\t")
	caps, _, _ = strings.Cut(caps, "\n")
	if set, err := strconv.ParseUint(caps, 16, 64); err != nil || os.Geteuid() != 0 || set&(1<<unix.CAP_SYS_ADMIN) == 0 {
		return true
	}
	return apart(t)
}
