package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// coreOfShell is the core of a shell that sent SIGSEGV to itself.
func coreOfShell(t *testing.T) (name string, pid int) {
	t.Helper()
	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	if err != nil || strings.ContainsAny(string(pattern), "|/%") {
		t.Skipf("cores do not go to the current directory: core_pattern is %q", pattern)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "ulimit -c unlimited && kill -SEGV $$")
	cmd.Dir = t.TempDir()
	_ = cmd.Run()
	list, err := filepath.Glob(filepath.Join(cmd.Dir, "*"))
	if err != nil || len(list) != 1 {
		t.Skipf("no core was written: %v", cmd.ProcessState)
	}
	return list[0], cmd.ProcessState.Pid()
}

func TestPostmortemCore(t *testing.T) {
	core, pid := coreOfShell(t)
	status, stdout, stderr := run(t, "", "postmortem", core)
	for _, want := range []string{
		fmt.Sprintf("of sh(%d): sh -c ulimit", pid), fmt.Sprintf("ended by SIGSEGV, sent by process %d of user %d (SI_USER)", pid, os.Getuid()),
		"1 threads",
	} {
		if status != 0 || !strings.Contains(stdout, want) {
			t.Errorf("status %d, %q is missing in %s%s", status, want, stdout, stderr)
		}
	}
	if status, stdout, _ := run(t, "", "core", "--json", core); status != 0 || !strings.Contains(stdout, `"what":"core"`) || !strings.Contains(stdout, `"name":"SIGSEGV"`) {
		t.Errorf("status %d, %s", status, stdout)
	}

	// Check what a dump of the same time adds.
	var b bytes.Buffer
	err := model.Encode(&b, &model.Snapshot{
		Schema:    model.Schema,
		Processes: []*model.Process{{PID: pid, Comm: "sh", Label: "script", State: "S", Threads: 1}, {PID: pid + 1, Comm: "peer", Label: "peer", State: "S", Threads: 1}},
		Links:     []*model.Link{{Object: "pipe:7", Kind: model.Pipe, From: []int{pid}, To: []int{pid + 1}, FromComm: []string{"sh"}, ToComm: []string{"peer"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	dump := filepath.Join(t.TempDir(), "dump.json")
	if err := os.WriteFile(dump, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr = run(t, "", "postmortem", "--with", dump, core)
	for _, want := range []string{fmt.Sprintf("sent by script(%d)", pid), fmt.Sprintf("sh(%d) -> peer(%d)  pipe:7", pid, pid+1)} {
		if status != 0 || !strings.Contains(stdout, want) {
			t.Errorf("status %d, %q is missing in %s%s", status, want, stdout, stderr)
		}
	}
	if status, _, stderr := run(t, "", "postmortem", "--with", dumpFile(t), core); status != exitNotFound || !strings.Contains(stderr, "there was no process sh") {
		t.Errorf("status %d, %s", status, stderr)
	}
}

func TestPostmortemOthers(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dump := dumpFile(t)
	for _, test := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{dump}, exitOK, "is a dump of"},
		{[]string{"--json", dump}, exitOK, `"what":"dump"`},
		{[]string{exe}, exitFailed, "not a core file: it is a program"},
		{[]string{"/nonexistent"}, exitFailed, "no such file"},
		{[]string{"--with", dump, dump}, exitUsage, "is no core"},
		{[]string{"--from", dump, dump}, exitUsage, "--from does not apply here"},
		{nil, exitUsage, "name one file"},
	} {
		status, stdout, stderr := run(t, "", append([]string{"postmortem"}, test.args...)...)
		if status != test.status || !strings.Contains(stdout+stderr, test.says) {
			t.Errorf("postmortem %q: status %d, %s%s", test.args, status, stdout, stderr)
		}
	}
}
