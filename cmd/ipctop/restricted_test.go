package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// If ipctop may do little, it says so in one line or in gaps, with the documented exit
// status, and does not crash.
func TestRestricted(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, script string
		flags        uintptr
		status       int
		stderr       string // must be contained; "": it is empty
		dump, denied bool
	}{
		{name: "few files", script: `ulimit -n 32; exec "$0" dump --json`, dump: true},
		{name: "too few files", script: `ulimit -n 9; exec "$0" dump --json`, status: exitFailed, stderr: "at most 9 files"},
		{name: "no standard files", script: `exec "$0" dump --json <&- >&- 2>&-`},
		{name: "full disk", script: `exec "$0" dump --json >/dev/full`, status: exitFailed, stderr: "no space left"},
		{name: "closed pipe", script: `{ "$0" dump --json; echo $? >&2; } | :`, stderr: "0\n"},
		{name: "no capabilities", script: `exec "$0" dump --json`, flags: syscall.CLONE_NEWUSER, dump: true, denied: true},
		{name: "strict", script: `exec "$0" dump --json --strict`, flags: syscall.CLONE_NEWUSER, status: exitIncomplete, stderr: "incomplete", dump: true, denied: true},
		{name: "no proc", script: `mount -t tmpfs none /proc && exec "$0" dump --json`, flags: syscall.CLONE_NEWNS, status: exitFailed, stderr: "not a proc file system"},
		{name: "no environment", script: `exec env -i ` + mainEnv + `=1 "$0" dump --json`, dump: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.flags != 0 && os.Geteuid() != 0 {
				t.Skip("making namespaces needs CAP_SYS_ADMIN")
			}
			cmd := exec.Command("sh", "-c", c.script, exe)
			cmd.Env = append(os.Environ(), mainEnv+"=1")
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: c.flags}
			if c.flags&syscall.CLONE_NEWNS != 0 {
				cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: c.flags}
			}
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Skipf("not here: %v", err)
			}
			if status := cmd.ProcessState.ExitCode(); status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			var said string
			for line := range strings.Lines(stderr.String()) {
				if !strings.HasPrefix(line, "==") { // printed by the race detector
					said += line
				}
			}
			if s := said; !strings.Contains(s, c.stderr) || c.stderr == "" && s != "" || strings.Count(s, "\n") > 1 {
				t.Errorf("standard error %.500q, want one line with %q", s, c.stderr)
			}
			if !c.dump {
				return
			}
			snap, err := model.Decode(strings.NewReader(stdout.String()))
			if err != nil {
				t.Fatal(err)
			}
			denied := false
			for _, g := range snap.Gaps {
				denied = denied || g.Reason == model.Denied && g.PID != 1
				if strings.Contains(g.Detail, "too many open files") {
					t.Errorf("gap %+v", g)
				}
			}
			if c.denied && (!denied || snap.Scan.ProcessesUnreadable == 0) {
				t.Errorf("nothing was denied, %d processes are unreadable", snap.Scan.ProcessesUnreadable)
			}
			if len(snap.Processes) < 2 {
				t.Errorf("%d processes", len(snap.Processes))
			}
		})
	}
}
