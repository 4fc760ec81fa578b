package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// whyDump writes a dump with all that cannot be explained, and returns its name.
func whyDump(t *testing.T) string {
	t.Helper()
	s := &model.Snapshot{
		Schema: model.Schema,
		Processes: []*model.Process{
			{PID: 2, Comm: "kthreadd", Label: "kthreadd", State: "S", Kernel: true, Threads: 1},
			{PID: 10, Comm: "shell", Label: "shell", State: "S", Threads: 1},
			{PID: 11, PPID: 10, Comm: "over", Label: "over", State: "Z", Threads: 1},
			{PID: 12, Comm: "halted", Label: "halted", State: "T", Threads: 1},
			{PID: 13, Comm: "busy", Label: "busy", State: "R", Threads: 1},
		},
		Objects: []*model.Object{{ID: "pipe:7", Kind: model.Pipe, Ino: 7, Detail: new(model.PipeDetail)}}, Waits: []model.Wait{}, Findings: []model.Finding{},
	}
	var b bytes.Buffer
	if err := model.Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "dump.json")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestWhyOfWhatCannotBeExplained(t *testing.T) {
	dump := whyDump(t)
	for _, tt := range []struct {
		ref            string
		status         int
		stdout, stderr string
	}{
		{"0", exitUsage, "", "0 is the pid of no process"},
		{"2", exitUsage, "", "kthreadd(2) is a kernel thread"},
		{"11", exitNotFound, "", "over(11) has ended; shell(10) has not yet asked for its exit status"},
		{"999", exitNotFound, "", "there is no process 999"},
		{"pipe:8", exitNotFound, "", "no pipe 8 was seen"},
		{"/no/such/path", exitNotFound, "", "/no/such/path"},
		{"", exitUsage, "", "names nothing"},
		{"pipe:7", exitOK, "Nobody waits for pipe:7.", ""},
		{"12", exitOK, "halted(12) is stopped.", ""},
		{"13", exitOK, "busy(13) is running.", ""},
	} {
		status, stdout, stderr := run(t, "", "why", "--from", dump, tt.ref)
		if status != tt.status || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) || tt.stdout == "" && stdout != "" {
			t.Errorf("why %q: status %d, %q and %q; want %d, %q and %q", tt.ref, status, stdout, stderr, tt.status, tt.stdout, tt.stderr)
		}
	}
	status, stdout, _ := run(t, "", "why", "--from", dump)
	if status != exitOK || stdout != "Nothing is stuck. 0 of 0 processes read; 0 waiting threads.\n" {
		t.Errorf("why: status %d, %q", status, stdout)
	}
}
