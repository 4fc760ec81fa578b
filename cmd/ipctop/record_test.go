package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/record"
)

// recordingFile writes a recording with a sample each minute from 12:00 UTC on. In it a
// pipe fills up and a reader ends.
func recordingFile(t *testing.T, samples int) string {
	t.Helper()
	f, err := os.Open(dumpFile(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := model.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "a@b.rec")
	out, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w, err := record.Create(out, record.Keep{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range samples {
		// Changed objects need new records: a recorder skips records with the same address.
		sample, pipe, writer := *s, *s.Objects[0], *s.Processes[0]
		sample.Taken = time.Date(2025, 3, 1, 12, i, 0, 0, time.UTC)
		pipe.Detail = &model.PipeDetail{Queued: model.Some(int64(1000 * i)), Capacity: model.Some[int64](65536)}
		writer.FDs = model.Some(10 + i)
		sample.Objects = append([]*model.Object{&pipe}, s.Objects[1:]...)
		sample.Processes = append([]*model.Process{&writer}, s.Processes[1:]...)
		if i == samples-1 {
			sample.Processes = append(sample.Processes[:2:2], sample.Processes[3])
		}
		if err := w.Append(&sample); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

func TestCommandsReadRecordings(t *testing.T) {
	rec, dump := recordingFile(t, 6), dumpFile(t)
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	torn := filepath.Join(t.TempDir(), "torn")
	whole, err := os.ReadFile(rec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(torn, whole[:len(whole)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(t.TempDir(), "newer")
	if err := os.WriteFile(newer, append(append(bytes.Clone(whole[:14]), record.Version+1), whole[15:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args   []string
		status int
		stdout string // must be contained; "": it is empty
		stderr string // same
	}{
		{[]string{"dump", "--json", "--from", rec}, 0, `"queued":5000`, ""},
		{[]string{"dump", "--json", "--from", rec + "@2025-03-01T12:02:30Z"}, 0, `"queued":2000`, ""},
		{[]string{"dump", "--json", "--from", rec + "@4m ago"}, 0, `"queued":1000`, ""},
		{[]string{"show", "12", "--from", rec + "@1m ago"}, 0, "reader(12)", ""},
		{[]string{"show", "12", "--from", rec}, 0, "reader(12)", "12 is not in the last sample; this is 2025-03-01 "},
		{[]string{"show", "12", "--from", rec + "@0s ago"}, 5, "", "no process 12"},
		{[]string{"show", "4711", "--from", rec}, 5, "", "4711"},
		{[]string{"why", "12", "--from", rec}, 0, "reader(12)", "the last that had it"},
		{[]string{"--from", rec}, 0, "writer(10)", ""},
		{[]string{"why", "--from", rec}, 0, "Nothing is stuck", ""},
		{[]string{"dump", "--from", rec + "@2025-03-01T11:00:00Z"}, 5, "", "begins at"},
		{[]string{"dump", "--json", "--from", rec + "@2025-03-02T00:00:00Z"}, 0, `"queued":5000`, "ends at"},
		{[]string{"dump", "--from", rec + "@soon"}, 2, "", "3m ago"},
		{[]string{"dump", "--from", dump + "@12:01"}, 2, "", "one moment"},
		{[]string{"dump", "--from", "nowhere@12:01"}, 1, "", "no such file"},
		{[]string{"dump", "--from", empty}, 1, "", "empty"},
		{[]string{"dump", "--json", "--from", torn}, 0, `"queued":4000`, "cut off"},
		{[]string{"dump", "--from", newer}, 1, "", "use a newer ipctop"},
		{[]string{"diff", rec + "@5m ago", rec + "@1m ago"}, 0, "grew     pipe:77", ""},
		{[]string{"diff", rec + "@1m ago", rec}, 0, "vanished  process  reader(12)", ""},
		{[]string{"diff", rec, rec}, 0, "", "nothing changed"},
		{[]string{"diff", dump, rec, "--json"}, 0, `"by":-27768`, ""},
		{[]string{"diff", dump}, 2, "", "name two"},
		{[]string{"diff", "--from", dump, dump, dump}, 2, "", "does not apply"},
		{[]string{"diff", "--trend", rec}, 0, "writer(10)", ""},
		{[]string{"diff", "--trend", rec, "--json"}, 0, `"samples":6`, ""},
		{[]string{"diff", "--trend", dump}, 2, "", "is a dump"},
		{[]string{"dump", "--history", dump}, 2, "", "not a recording"},
		{[]string{"dump", "--history", rec, "--from", dump}, 2, "", "combined with --from"},
		{[]string{"show", "1", "--history", rec, "--from", dump}, 2, "", "combined with --from"},
		{[]string{"record"}, 2, "", "name one file"},
		{[]string{"record", "--every", "1ms", "x"}, 2, "", "at least"},
		{[]string{"record", "--for", "-1s", "x"}, 2, "", "negative"},
		{[]string{"record", "--keep", "lots", "x"}, 2, "", "24h or 7d"},
		{[]string{"record", "--from", dump, "x"}, 2, "", "does not apply"},
		{[]string{"record", dump}, 1, "", "not an ipctop recording: it is left as it is"},
		{[]string{"record", t.TempDir()}, 1, "", "directory"},
	} {
		status, stdout, stderr := run(t, "", test.args...)
		if status != test.status {
			t.Errorf("ipctop %q: status %d, want %d (%s)", test.args, status, test.status, stderr)
		}
		for what, got := range map[string][2]string{"stdout": {stdout, test.stdout}, "stderr": {stderr, test.stderr}} {
			if got[1] == "" && got[0] != "" || !strings.Contains(got[0], got[1]) {
				t.Errorf("ipctop %q: %s is %q, want %q in it", test.args, what, got[0], got[1])
			}
		}
	}
	if status, stdout, stderr := run(t, string(whole), "dump", "--json", "--from", "-@1m ago"); status != 0 || !strings.Contains(stdout, `"queued":4000`) {
		t.Errorf("standard input: status %d, %q", status, stderr)
	}
}

// mainCommand is ipctop as a separate process.
func mainCommand(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), mainEnv+"=1")
	return cmd
}

// openRecording opens a recording and reads all of it.
func openRecording(t *testing.T, name string) *record.Recording {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := record.Open(bytes.NewReader(b), int64(len(b)), model.DefaultMaxMemory)
	if err != nil {
		t.Fatalf("%s of %d bytes: %v", name, len(b), err)
	}
	for i := range rec.Len() {
		if _, err := rec.Load(i); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return rec
}

func TestRecordsUntilTold(t *testing.T) {
	name := filepath.Join(t.TempDir(), "ipc.rec")
	for i, sig := range []os.Signal{unix.SIGTERM, os.Interrupt} {
		cmd := mainCommand("record", "--every", "100ms", name)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		before := 0
		if i > 0 {
			before = openRecording(t, name).Len()
		}
		waitUntil(t, func() bool { b, _ := os.ReadFile(name); return len(b) > 0 && openRecording(t, name).Len() >= before+2 })
		if _, _, second := run(t, "", "record", name); !strings.Contains(second, "another recorder") {
			t.Errorf("a second recorder: %q", second)
		}
		_ = cmd.Process.Signal(sig)
		// It ends soon, even if a busy machine does not let it finish its sample. Its status
		// is then that of the signal.
		err := cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); err != nil && code != 128+int(sig.(syscall.Signal)) {
			t.Errorf("%v: %v, %s", sig, err, &stderr)
		}
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	rec := openRecording(t, name)
	s, err := rec.Load(rec.Len() - 1)
	if err != nil || s.Findings == nil || s.Waits == nil || len(s.Processes) == 0 {
		t.Errorf("%v: a sample has no findings, waits or processes", err)
	}
}

func waitUntil(t *testing.T, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !ready(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it takes too long")
		}
	}
}

func TestRecordKilledAnytime(t *testing.T) {
	rounds := 200
	if os.Getenv("IPCTOP_TEST_KILLS") == "" {
		rounds = 6 // make kills does it 200 times
	}
	name := filepath.Join(t.TempDir(), "ipc.rec")
	samples := 0
	for i := range rounds {
		cmd := mainCommand("record", "--every", "100ms", "--keep", "2s", name)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if i == 0 { // however slow the machine, the first sample is written and can be lost later
			waitUntil(t, func() bool { b, _ := os.ReadFile(name); return len(b) > 0 && openRecording(t, name).Len() > 0 })
		}
		time.Sleep(time.Duration(rand.Int64N(int64(time.Second))))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		b, err := os.ReadFile(name)
		if len(b) == 0 {
			continue // it was killed before it wrote anything
		}
		if err != nil {
			t.Fatal(err)
		}
		samples = max(samples, openRecording(t, name).Len())
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "*")); len(left) != 1 {
			t.Fatalf("round %d left %q", i, left)
		}
	}
	if samples == 0 {
		t.Error("nothing was ever recorded")
	}
}

func TestRecordOnFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a file system needs root")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("mount: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	name := filepath.Join(dir, "ipc.rec")
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 100<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	status := command{strings.NewReader(""), &out, &errs}.main(ctx, []string{"record", "--every", "100ms", name})
	if status != exitFailed || !strings.Contains(errs.String(), "no space left on device") {
		t.Errorf("status %d, %q", status, errs.String())
	}
	if _, err := os.Stat(name); err == nil { // otherwise even the first sample had no room
		if rec := openRecording(t, name); rec.Damage() != 0 {
			t.Errorf("%d bytes are damaged", rec.Damage())
		}
	}
}
