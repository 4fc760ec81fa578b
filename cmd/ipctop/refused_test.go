package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// TestRefusedLinks reads a process whose descriptors can be listed but not followed: with the
// right to read all directories, without the right to trace (proc(5), ptrace(2)).
func TestRefusedLinks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving a process other capabilities needs root")
	}
	holder := exec.Command("sleep", "1000")
	for range 40 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		holder.ExtraFiles = append(holder.ExtraFiles, f)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = holder.Process.Kill()
		_ = holder.Wait()
	}()
	pid := holder.Process.Pid
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	open := len(entries) // 43, and what the test has inherited itself

	exe, _ := privilegedCopy(t, func(*testing.T, string) {})
	cmd := exec.Command(exe, "dump", "--json", "--source", "procfs")
	cmd.Env = []string{mainEnv + "=1", "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, AmbientCaps: []uintptr{unix.CAP_DAC_READ_SEARCH},
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	snap, err := model.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	p := model.NewIndex(snap).Processes[pid]
	if p == nil {
		t.Fatalf("process %d is missing", pid)
	}
	if n, known := p.FDs.Get(); !known || n != open {
		t.Errorf("it has %d descriptors (known: %v), want %d", n, known, open)
	}
	for _, g := range snap.Gaps {
		if g.PID == pid && g.Op == "readlink" {
			if g.Reason != model.Denied || g.Count != open {
				t.Errorf("%d links were refused because %s, want %d because %s", g.Count, g.Reason, open, model.Denied)
			}
			return
		}
	}
	t.Errorf("nothing says that the links of %d were refused: %+v", pid, snap.Gaps)
}
