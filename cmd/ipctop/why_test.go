package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
)

// whyDump writes a dump with everything that cannot be explained, and returns its name.
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
		{"0", exitUsage, "", "no process has pid 0"},
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

// Of several processes with the same name, why takes those that are stuck, including those
// that only a finding calls stuck: to the kernel, a session that waits for a row lock is idle.
func TestStuckOfSeveral(t *testing.T) {
	p := func(pid int) *model.Process { return &model.Process{PID: pid, Comm: "postgres"} }
	snap := &model.Snapshot{
		Waits: []model.Wait{
			{PID: 1, TID: 1, Confirmed: true, Idle: true, Needs: model.NeedsEvent},
			{PID: 2, TID: 2, Confirmed: true, Needs: model.NeedsLock},
			{PID: 3, TID: 3, Confirmed: true, Idle: true, Needs: model.NeedsEvent},
		},
		Findings: []model.Finding{
			{Rule: "database-lock", Severity: model.Warning, Chain: []model.Step{{PID: 3}}},
			{Rule: "no-reader", Severity: model.Info, Victims: []int{1}},
		},
	}
	var pids []int
	for _, m := range stuckOf(snap, []query.Match{{Process: p(1)}, {Process: p(2)}, {Process: p(3)}}) {
		pids = append(pids, m.Process.PID)
	}
	if !slices.Equal(pids, []int{2, 3}) {
		t.Errorf("stuck are %v, want 2 and 3", pids)
	}
	if got := namesOf([]query.Match{{Process: p(2)}, {Process: p(3)}}); got != ": postgres(2), postgres(3)" {
		t.Errorf("they are named %q", got)
	}
}
