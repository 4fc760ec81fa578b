package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/testfixtures"
)

const liveDeadline = 20 * time.Second

// terminal is a shell in a separate tmux server.
type terminal struct {
	t      *testing.T
	socket string
}

func newTerminal(t *testing.T, width, height string) *terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("tmux is not installed")
	}
	m := &terminal{t, filepath.Join(t.TempDir(), "tmux")}
	// The server inherits the descriptors that it is started with: a pipe of the test would
	// stay open as long as the server lives.
	cmd := m.command("-f", os.DevNull, "new-session", "-d", "-x", width, "-y", height, "exec sh")
	// The login shell of a system user is nologin.
	cmd.Env = append(os.Environ(), "SHELL=/bin/sh", "XDG_CONFIG_HOME="+t.TempDir(), "LC_ALL=C.UTF-8", "ENV=", mainEnv+"=1")
	if err := cmd.Run(); err != nil {
		t.Skipf("tmux does not start here: %v", err)
	}
	t.Cleanup(func() { _ = m.command("kill-server").Run() })
	m.run("PS1='ready$ '; clear")
	m.waitFor("ready$")
	return m
}

func (m *terminal) command(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), liveDeadline)
	m.t.Cleanup(cancel)
	return exec.CommandContext(ctx, "tmux", append([]string{"-S", m.socket}, args...)...)
}

func (m *terminal) keys(keys ...string) {
	m.t.Helper()
	if err := m.command(append([]string{"send-keys"}, keys...)...).Run(); err != nil {
		m.t.Fatalf("send-keys %v: %v", keys, err)
	}
}

// run types a command.
func (m *terminal) run(line string) {
	m.t.Helper()
	if err := m.command("send-keys", "-l", line).Run(); err != nil {
		m.t.Fatal(err)
	}
	m.keys("Enter")
}

// screen is the visible text. The client's output may be a pipe: the client ends at once.
func (m *terminal) screen() string {
	m.t.Helper()
	out, err := m.command("capture-pane", "-p").Output()
	if err != nil {
		m.t.Fatalf("capture-pane: %v", err)
	}
	return string(out)
}

func (m *terminal) format(format string) string {
	m.t.Helper()
	out, err := m.command("display-message", "-p", format).Output()
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func (m *terminal) waitFor(want string) {
	m.t.Helper()
	m.wait(want, func() bool { return strings.Contains(m.screen(), want) })
}

func (m *terminal) wait(what string, done func() bool) {
	m.t.Helper()
	for end := time.Now().Add(liveDeadline); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			m.t.Fatalf("%q does not come; the screen is\n%s", what, m.screen())
		}
	}
}

// settings are the terminal's settings as printed by stty.
func (m *terminal) settings(name string) string {
	m.t.Helper()
	file := filepath.Join(m.t.TempDir(), name)
	m.run("stty -a > " + file + "; echo done-$((6*7))")
	m.waitFor("done-42")
	m.run("clear")
	m.wait("a clear screen", func() bool { return !strings.Contains(m.screen(), "done-42") })
	b, err := os.ReadFile(file)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(b)
}

// asBefore checks that the terminal was restored.
func (m *terminal) asBefore(before string) {
	m.t.Helper()
	m.wait("the alternate screen to be left", func() bool { return m.format("#{alternate_on}") == "0" })
	if after := m.settings("after"); after != before {
		m.t.Errorf("stty says\n%s\nwas\n%s", after, before)
	}
	if m.format("#{mouse_any_flag}#{cursor_flag}") != "01" {
		m.t.Error("the mouse is on, or the cursor is off")
	}
}

// terminate sends SIGTERM to the program that the shell runs.
func (m *terminal) terminate() {
	m.t.Helper()
	m.signal(syscall.SIGTERM)
}

// signal sends a signal to the program that the shell runs.
func (m *terminal) signal(signal syscall.Signal) {
	m.t.Helper()
	shell := m.format("#{pane_pid}")
	b, err := os.ReadFile("/proc/" + shell + "/task/" + shell + "/children")
	if err != nil {
		m.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		m.t.Fatalf("the shell's children are %q", b)
	}
	if err := syscall.Kill(pid, signal); err != nil {
		m.t.Fatal(err)
	}
}

func TestLiveView(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run, err := testfixtures.Start(t.Context(), "pipe:full")
	if err != nil {
		t.Skip(err)
	}
	defer run.Close()
	if len(run.Instances) == 0 {
		t.Skip("no fixture can be made here")
	}
	pipe := run.Instances[0].Object

	m := newTerminal(t, "100", "30")
	before := m.settings("before")
	m.run(exe + " -d 0.2")
	m.waitFor("scan ") // there is something to sort
	m.keys("3")
	m.waitFor("[3 Chan]")
	m.keys(">", ">")
	m.waitFor("Sorted by QUEUED")
	m.keys("/")
	m.keys("-l", pipe)
	m.keys("Enter")
	m.waitFor("── " + pipe)
	m.keys("Enter")
	m.waitFor("bytes in it, of its capacity")
	m.keys("Escape")
	m.wait("the table", func() bool { return strings.Contains(m.screen(), "QUEUED") })
	m.keys("q")
	m.asBefore(before)

	m.run(exe)
	m.waitFor("ipctop ")
	m.waitFor("scan ")
	m.keys("C-z")
	m.wait("the alternate screen to be left", func() bool { return m.format("#{alternate_on}") == "0" })
	m.asBefore(before)
	m.run("fg")
	m.wait("the view", func() bool { return m.format("#{alternate_on}") == "1" && strings.Contains(m.screen(), "scan ") })
	m.keys("2")
	m.waitFor("[2 Procs]")

	m.terminate()
	m.asBefore(before)

	m.run("TERM=dumb " + exe + " --from " + dumpFile(t))
	m.waitFor("this is a table instead")
}

// On the first screen, without a key, an operator sees which processes deadlock each other. He
// can look at one, go to the other, end one of them, and step back to see the earlier state.
func TestLiveDeadlock(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run, err := testfixtures.Start(t.Context(), "deadlock")
	if err != nil {
		t.Skip(err)
	}
	defer run.Close()
	if len(run.Instances) == 0 {
		t.Skip("no fixture can be made here")
	}
	victims := run.Instances[0].PIDs
	m := newTerminal(t, "80", "24")
	before := m.settings("before")
	m.run(exe + " -d 0.5")
	m.wait("the deadlock in the first 8 rows", func() bool {
		top := strings.Join(strings.SplitN(m.screen(), "\n", 9)[:8], "\n")
		named := 0
		for _, pid := range victims {
			if strings.Contains(top, "("+strconv.Itoa(pid)+")") {
				named++
			}
		}
		return strings.Contains(top, "DEADLOCK") && named >= 2
	})
	time.Sleep(2 * time.Second) // several samples, one of which is to be found again below
	m.keys("/")
	m.keys("-l", "fx-dead")
	m.keys("Enter", "Enter")
	m.waitFor("Evidence")
	m.keys("?")
	m.keys("End")
	m.waitFor("False alarm")
	m.keys("Escape")
	m.waitFor("── deadlock ──")
	m.keys("Escape")
	m.waitFor("Blocked now") // a key directly after Esc would be taken for Alt with that key
	m.keys("o")
	m.waitFor("[2 Procs]") // one of the two processes that have the file
	m.keys("\\")
	m.keys("-l", `comm == "fx-dead-1"`) // plain text would match the other's row, too
	m.keys("Enter")
	m.waitFor("1 of ")
	m.waitFor("flock")
	m.keys("k")
	m.waitFor("Send a signal to fx-dead-1")
	m.keys("k")
	m.keys("Enter")
	m.waitFor("Send SIGKILL to fx-dead-1")
	m.keys("y")
	m.waitFor("SIGKILL to fx-dead-1")
	m.keys("Escape")
	time.Sleep(200 * time.Millisecond) // a key directly after Esc would be taken for Alt with that key
	m.keys("1")
	m.waitFor("[1 Overview]")
	m.wait("the deadlock to be over", func() bool { return !strings.Contains(m.screen(), "DEADLOCK") })
	m.keys("Z")
	m.waitFor("PAUSED")
	m.wait("the time when it was not", func() bool {
		m.keys("[")
		time.Sleep(200 * time.Millisecond) // until it is drawn: the next key moves to another sample
		return strings.Contains(m.screen(), "DEADLOCK")
	})
	m.keys("Z")
	m.waitFor("live 0.5s")
	m.keys("q")
	m.asBefore(before)
}

// If the terminal disappears or is taken away, the view ends. kill -TSTP stops it like Ctrl-Z.
func TestLiveSignals(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := newTerminal(t, "80", "24")
	before := m.settings("before")
	m.run(exe)
	m.waitFor("[1 Overview]")
	m.signal(syscall.SIGTSTP)
	m.asBefore(before)
	m.run("fg")
	m.waitFor("[1 Overview]")
	m.signal(syscall.SIGHUP)
	m.asBefore(before)
	m.run("clear; LC_ALL=en_US.ISO-8859-1 " + exe)
	m.waitFor("[1 Overview]")
	if s := m.screen(); strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f }) {
		t.Errorf("a terminal that is not UTF-8 got\n%s", s)
	}
	m.keys("q")
	m.asBefore(before)
}

// If the window is closed, the view ends with the status of SIGHUP and without a message.
func TestLiveHangUp(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := newTerminal(t, "80", "24")
	said, status := filepath.Join(t.TempDir(), "said"), filepath.Join(t.TempDir(), "status")
	m.run("exec sh -c \"trap '' HUP; " + exe + " 2>" + said + "; echo \\$? >" + status + "\"")
	m.waitFor("[1 Overview]")
	_ = m.command("kill-server").Run()
	for end := time.Now().Add(liveDeadline); ; time.Sleep(20 * time.Millisecond) {
		if b, err := os.ReadFile(status); err == nil && len(b) > 0 {
			if got := strings.TrimSpace(string(b)); got != "129" {
				t.Errorf("the status is %s, want 129", got)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatal("it does not end")
		}
	}
	if b, err := os.ReadFile(said); err != nil || len(b) > 0 {
		t.Errorf("it says %q, %v", b, err)
	}
}

// On a slow link every byte counts: if nothing changes, nothing is sent.
func TestLiveSendsOnlyWhatChanged(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := newTerminal(t, "100", "30")
	sent := filepath.Join(t.TempDir(), "sent")
	m.run(exe + " --from " + dumpFile(t))
	m.waitFor("[1 Overview]")
	m.keys("3")
	m.waitFor("[3 Chan]")
	if err := m.command("pipe-pane", "exec cat > "+sent).Run(); err != nil {
		t.Fatal(err)
	}
	size := func() int64 {
		info, err := os.Stat(sent)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	m.keys("/")
	m.wait("the prompt", func() bool { return size() > 0 })
	if n := size(); n > 2000 { // a line or two, of 30 lines of 100
		t.Errorf("the prompt sent %d bytes", n)
	}
	before := size()
	m.wait("quiet", func() bool { // what is sent passes through two programs
		time.Sleep(200 * time.Millisecond)
		n := size()
		quiet := n == before
		before = n
		return quiet
	})
	time.Sleep(300 * time.Millisecond)
	if n := size(); n != before {
		t.Errorf("%d bytes were sent while nothing changed", n-before)
	}
	m.keys("C-c")
}

// In a container the pids differ, and there is a separate proc file system.
func TestLiveInContainer(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.CommandContext(t.Context(), "unshare", "-fmpi", "--mount-proc", "true").Run(); err != nil {
		t.Skipf("no namespaces can be made here: %v", err)
	}
	m := newTerminal(t, "100", "30")
	before := m.settings("before")
	m.run("unshare -fmpi --mount-proc " + exe)
	m.waitFor("Nothing is stuck. ")
	m.keys("2")
	m.wait("itself as process 1", func() bool {
		return strings.Contains(m.screen(), "     1  root") || strings.Contains(m.screen(), " 1  root")
	})
	m.keys("q")
	m.asBefore(before)
}

func TestSaveDump(t *testing.T) {
	t.Chdir(t.TempDir())
	s := modeltest.Rich()
	s.Host.Hostname = "../db\x1b1"
	for _, want := range []string{"ipctop-db1-20250301T120311Z.json", "ipctop-db1-20250301T120311Z-2.json"} {
		path, err := saveDump(s)
		if err != nil || filepath.Base(path) != want || !filepath.IsAbs(path) {
			t.Fatalf("%q, %v; want %s", path, err, want)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		if _, err := (command{}).readFrom(&options{maxMemory: model.DefaultMaxMemory}, path); err != nil {
			t.Error(err)
		}
	}
}

// If the current directory is not writable, the dump goes to the state directory.
func TestSaveDumpElsewhere(t *testing.T) {
	dir := t.TempDir()
	gone := filepath.Join(dir, "gone")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(gone)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_STATE_HOME", dir)
	path, err := saveDump(modeltest.Rich())
	if err != nil || filepath.Dir(path) != filepath.Join(dir, "ipctop") {
		t.Errorf("%q, %v", path, err)
	}
}

func TestDelay(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"2": 2 * time.Second, "0.5": 500 * time.Millisecond, "500ms": 500 * time.Millisecond, "1m": time.Minute, "1e2": 100 * time.Second,
		"0": 0, "-1": 0, "x": 0, "NaN": 0, "Inf": 0, "1e99": 0, "50ms": 0,
	} {
		var d delay
		err := d.Set(s)
		if time.Duration(d) != want || (err == nil) != (want > 0) {
			t.Errorf("%s: %v, %v", s, time.Duration(d), err)
		}
	}
}
