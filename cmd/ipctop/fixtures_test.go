package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/testfixtures"
)

// ownHome gives the test's fixtures a directory of their own, and checks that they leave nothing in it.
func ownHome(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v (%v)", left, err)
		}
	})
}

func TestFixturesList(t *testing.T) {
	status, out, _ := run(t, "", "fixtures", "--list")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	all := testfixtures.All()
	if status != exitOK || len(lines) != len(all)+1 {
		t.Fatalf("status %d, %d lines for %d fixtures", status, len(lines), len(all))
	}
	for i, f := range all {
		if l := lines[i+1]; !strings.HasPrefix(l, f.Name+" ") || !strings.Contains(l, f.Makes) || !strings.Contains(l, f.Needs) {
			t.Errorf("line of %s: %q", f.Name, l)
		}
	}
}

func TestFixturesJSON(t *testing.T) {
	ownHome(t)
	status, out, _ := run(t, "", "fixtures", "--json", "--for", "1ms", "pipe", "fifo:hostile", "pipe")
	if status != exitOK {
		t.Fatalf("status %d", status)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != 3 || lines[2] != `{"ready":true}` {
		t.Fatalf("lines: %q", lines)
	}
	for i, name := range []string{"pipe", "fifo:hostile"} {
		var got struct {
			Fixture, Kind, Object string
			PIDs                  []int
			Expect                map[string]any
		}
		if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(name, ":")
		if got.Fixture != name || got.Kind != kind || !strings.HasPrefix(got.Object, kind+":") || len(got.PIDs) != 2 ||
			got.Expect["id"] != got.Object {
			t.Errorf("line of %s: %s", name, lines[i])
		}
	}
	if strings.Contains(out, "\x1b") || strings.Contains(out, "\xff") {
		t.Error("the hostile name got through as it is")
	}
}

func TestFixturesText(t *testing.T) {
	ownHome(t)
	status, out, _ := run(t, "", "fixtures", "--for=1ms", "pipe")
	if status != exitOK || !strings.Contains(out, "1 made by ipctop(") || !strings.Contains(out, "pipe     pipe:") {
		t.Errorf("status %d, stdout %q", status, out)
	}
}

func TestFixturesUsage(t *testing.T) {
	for _, tt := range []struct {
		args string
		want string
	}{
		{"pype", `there is no fixture "pype": did you mean pipe`},
		{"waits-for-a-lock", `there is no fixture "waits-for-a-lock": ipctop fixtures --list lists them`},
		{"--for -1s", "cannot be negative"},
		{"--for soon", "invalid"},
		{"--list --verify", "--list and --verify do not go together"},
		{"--verify --json", "--verify and --json do not go together"},
		{"--clean --for 1s", "--clean and --for do not go together"},
		{"--list pipe", `--list takes no fixture, got "pipe"`},
		{"--verify --from x pipe", "--from"},
		{"--explain", "--explain needs the name"},
		{"--explain --json pipe", "--json and --explain do not go together"},
		{"--traffic pype", `there is no channel "pype"; there are: pipe pipe:nonblocking`},
		{"--traffic=-1 pipe", "it is a size"},
		{"--compare pype", `there is no channel "pype"`},
		{"--compare --for 1s", "--compare and --for do not go together"},
		{"--traffic --verify", "--verify and --traffic do not go together"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			status, out, stderr := run(t, "", append([]string{"fixtures"}, strings.Fields(tt.args)...)...)
			if status != exitUsage || out != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("status %d, stdout %q, stderr %q", status, out, stderr)
			}
		})
	}
}

// TestFixturesExplain runs the commands that a fixture suggests to its reader.
func TestFixturesExplain(t *testing.T) {
	ownHome(t)
	names := []string{"lock-wait", "sysv-shm", "unix"}
	cmd := self(append([]string{"fixtures", "--explain"}, names...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() }()
	var text []string
	for lines := bufio.NewScanner(out); lines.Scan() && !strings.HasPrefix(lines.Text(), "Ctrl-C"); {
		text = append(text, lines.Text())
	}
	for _, title := range []string{"Calls", "Where /proc shows it", "Next, in another terminal"} {
		if n := strings.Count("\n"+strings.Join(text, "\n"), "\n"+title+"\n"); n != len(names) {
			t.Errorf("%q is there %d times in\n%s", title, n, strings.Join(text, "\n"))
		}
	}
	commands := 0
	for _, line := range text {
		next, ok := strings.CutPrefix(line, "  ipctop ")
		if !ok {
			continue
		}
		commands++
		status, out, stderr := run(t, "", strings.Fields(next)...)
		// A wait becomes a finding after it has lasted for a second.
		for end := time.Now().Add(time.Minute); out == "" && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			status, out, stderr = run(t, "", strings.Fields(next)...)
		}
		if status == exitFailed || status == exitUsage || status == exitNotFound || out == "" {
			t.Errorf("%s: status %d, %q", line, status, stderr)
		}
	}
	if commands < 2*len(names) {
		t.Errorf("only %d commands in\n%s", commands, strings.Join(text, "\n"))
	}
}

func TestFixturesVerify(t *testing.T) {
	ownHome(t)
	status, out, _ := run(t, "", "fixtures", "--verify", "pipe", "pipe:full", "fifo", "fifo:deleted", "fifo:hostile")
	if status != exitOK || strings.Count(out, "seen  ") != 5 || !strings.Contains(out, "5 seen, 0 missing, 0 skipped, 0 failed") {
		t.Errorf("status %d, stdout:\n%s", status, out)
	}
	// If a scan finds nothing, the fixture is reported as missing.
	var missing strings.Builder
	c := command{strings.NewReader(""), &missing, &missing}
	o := &options{procRoot: "/proc", complete: func(snap *model.Snapshot) error {
		snap.Objects = nil
		return nil
	}}
	if err := c.verifyFixtures(t.Context(), o, []string{"pipe"}); err == nil || !strings.Contains(missing.String(), "missing  pipe") || !strings.Contains(missing.String(), "0 seen, 1 missing") {
		t.Errorf("error %v, output:\n%s", err, missing.String())
	}
	// A directory that is not a proc file system is not read.
	status, _, stderr := run(t, "", "fixtures", "--verify", "--procfs", t.TempDir(), "pipe")
	if status != exitFailed || !strings.Contains(stderr, "is not a proc file system") {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
}

func TestFixturesEndWithContext(t *testing.T) {
	ownHome(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	done := make(chan int)
	go func() {
		defer w.Close()
		done <- command{strings.NewReader(""), w, os.Stderr}.main(ctx, []string{"fixtures", "--json", "pipe"})
	}()
	for lines := bufio.NewScanner(r); lines.Scan() && lines.Text() != `{"ready":true}`; {
	}
	select {
	case status := <-done:
		t.Errorf("ended by itself with status %d", status)
	case <-time.After(20 * time.Millisecond):
	}
	cancel()
	if status := <-done; status != exitOK {
		t.Errorf("status %d", status)
	}
}

// A reader that closes the output is no reason to leave anything behind.
func TestFixturesClosedOutput(t *testing.T) {
	ownHome(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	cmd := self("fixtures", "pipe", "sysv-msg")
	cmd.Stdout = w
	if err := cmd.Run(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// self is ipctop as a separate process.
func self(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), mainEnv+"=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// startSelf starts ipctop and waits until its fixtures exist.
func startSelf(t *testing.T, names ...string) (*exec.Cmd, []testfixtures.Instance) {
	t.Helper()
	cmd := self(append([]string{"fixtures", "--json"}, names...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var instances []testfixtures.Instance
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != `{"ready":true}`; {
		var inst testfixtures.Instance
		if err := json.Unmarshal(lines.Bytes(), &inst); err != nil {
			t.Fatal(err)
		}
		instances = append(instances, inst)
	}
	return cmd, instances
}

func TestFixturesEndWithSignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			ownHome(t)
			cmd, instances := startSelf(t, "pipe", "fifo", "sysv-sem")
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("ended with %v", err)
			}
			for _, inst := range instances {
				for _, pid := range inst.PIDs {
					if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
						t.Errorf("%s: process %d is left", inst.Fixture, pid)
					}
				}
			}
		})
	}
}

func TestFixturesClean(t *testing.T) {
	ownHome(t)
	cmd, instances := startSelf(t, "fifo", "sysv-msg")
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	status, out, stderr := run(t, "", "fixtures", "--clean")
	if status != exitOK || !strings.Contains(out, "removed "+instances[1].Object+"\n") || !strings.Contains(out, `/fifo"`) {
		t.Errorf("status %d, stdout %q, stderr %q", status, out, stderr)
	}
	status, out, stderr = run(t, "", "fixtures", "--clean")
	// Leftovers of other runs are removed or skipped, and reported.
	dir := os.Getenv("TMPDIR")
	again := strings.Contains(out, dir) || strings.Contains(out, instances[1].Object) || strings.Contains(stderr, "skipped: "+dir)
	if status != exitOK || again || out+stderr == "" {
		t.Errorf("again: status %d, stdout %q, stderr %q", status, out, stderr)
	}
}
