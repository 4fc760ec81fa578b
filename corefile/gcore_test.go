//go:build linux

package corefile

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
)

// gcore takes the core of a process that keeps running.
func TestGcore(t *testing.T) {
	gcore, err := exec.LookPath("gcore")
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.CommandContext(t.Context(), "sleep", "300")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	prefix := filepath.Join(t.TempDir(), "core")
	core := fmt.Sprintf("%s.%d", prefix, cmd.Process.Pid)
	if out, err := exec.CommandContext(t.Context(), gcore, "-o", prefix, fmt.Sprint(cmd.Process.Pid)).CombinedOutput(); err != nil {
		t.Skipf("gcore: %v: %s", err, out)
	}
	c := readFile(t, core)
	if !c.Living || c.Signal != nil || c.Process.PID != cmd.Process.Pid {
		t.Errorf("living %v, signal %+v, process %+v", c.Living, c.Signal, c.Process)
	}
}
