package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ipctop/ipctop/bpf"
)

// Names that other processes may give themselves, their files and their sockets. They clear
// a screen, set its title, break a row, reverse the text direction, or are not valid UTF-8.
const (
	hostileComm  = "\x1b[2Jown\n\xff\u202e!" // fits the 15 bytes of a command's name
	hostileTitle = "\x1b]0;gotcha\x07\r\n\u202e\u009b31m\xff"
)

// harm says what is harmful in text that goes to a terminal; "" if nothing is. JSON may
// contain characters that reverse text: it has names unchanged.
func harm(text []byte, json bool) string {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) // CSV ends its lines with these
	if !utf8.Valid(text) {
		return "bytes that are no text"
	}
	for _, r := range string(text) {
		switch {
		case r == '\n' || r == '\t':
		case r < 0x20, r == 0x7f, r >= 0x80 && r < 0xa0 && !json:
			return fmt.Sprintf("control character %U", r)
		case r >= 0x202a && r <= 0x202e && !json, r >= 0x2066 && r <= 0x2069 && !json:
			return fmt.Sprintf("bidirectional control %U", r)
		}
	}
	return ""
}

// hostile starts processes with hostile names: two that wait for each other's lock on a file,
// and one that writes to a pipe which nobody reads. It returns the pid of the waiter, the
// path of the lock, and the directory.
func hostile(t *testing.T) (waiter int, lock, dir string) {
	t.Helper()
	dir = t.TempDir()
	copyOf := func(program, name string) string {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Skipf("%s is not installed", program)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Skip(err)
		}
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o755); err != nil {
			t.Fatal(err)
		}
		return name
	}
	start := func(cmd *exec.Cmd) int {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return cmd.Process.Pid
	}
	flock, yes := copyOf("flock", hostileComm), copyOf("yes", "y"+hostileComm)
	lock = filepath.Join(dir, "lock"+hostileTitle)
	start(exec.Command(flock, "-x", "-F", lock, "sleep", "60"))
	for end := time.Now().Add(time.Minute); exec.Command(flock, "-n", lock, "true").Run() == nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the lock is not taken")
		}
	}
	long := strings.Repeat(hostileTitle, 200)
	waiter = start(exec.Command(flock, "-x", lock, "echo", long))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	writer := exec.Command(yes, long)
	writer.Stdout = w
	start(writer)
	_ = w.Close()
	// Abstract names belong to the network namespace: another run may use the same one.
	l, err := net.Listen("unix", fmt.Sprintf("@%s%d", strings.ReplaceAll(hostileTitle, "\x00", ""), time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return waiter, lock, dir
}

// In no command does the name of a process, a file or a socket control the terminal that
// ipctop writes to. Nothing else runs, so that everything shown is hostile.
func TestHostileNames(t *testing.T) {
	if !apart(t) {
		return
	}
	waiter, lock, dir := hostile(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) *exec.Cmd {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		t.Cleanup(cancel)
		cmd := exec.CommandContext(ctx, exe, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), mainEnv+"=1", "LC_ALL=C.UTF-8")
		return cmd
	}
	pid := fmt.Sprint(waiter)
	output := func(args ...string) []byte {
		cmd := command(args...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		all := strings.Join(args, " ")
		json := strings.Contains(all, "json")
		if why := harm(out.Bytes(), json); why != "" {
			t.Errorf("ipctop %q writes a %s:\n%q", args, why, out.Bytes())
		}
		if why := harm(errs.Bytes(), false); why != "" {
			t.Errorf("ipctop %q says a %s:\n%q", args, why, errs.Bytes())
		}
		return append(out.Bytes(), errs.Bytes()...)
	}
	names := func(args ...string) {
		if out := output(args...); !bytes.Contains(out, []byte("own")) && !bytes.Contains(out, []byte("gotcha")) {
			t.Errorf("ipctop %q names nothing that is hostile, so it was not tried:\n%s", args, out)
		}
	}
	for end := time.Now().Add(time.Minute); !bytes.Contains(output("check", "--fail-on", "never"), []byte("gotcha")); {
		if time.Now().After(end) {
			t.Fatalf("nothing is found:\n%s", output("check"))
		}
	}
	dump, recording := filepath.Join(dir, "d"), filepath.Join(dir, "r")
	if out, err := command("dump", "--json").Output(); err != nil || os.WriteFile(dump, out, 0o600) != nil {
		t.Fatal(err)
	}
	output("record", "-n", "2", "-d", "0.1", recording)
	for _, f := range []string{"table", "wide", "json", "jsonl", "csv", "dot"} {
		names("dump", "--from", dump, "-o", f)
		output("check", "--from", dump, "-o", strings.ReplaceAll(f, "dot", "openmetrics"))
	}
	names("dump", "--from", dump, "--only", "processes", "-o", "wide")
	names("dump", "--from", dump, "--only", "waits,findings")
	output("dump", "--from", dump, "-o", "id")
	output("dump", "--from", dump, "-Q", `name == "`+hostileTitle+`"`)
	output("dump", "--from", dump, "-u", hostileTitle)
	names("check", "--fail-on", "never")
	names("show", "--from", dump, pid, lock)
	names("show", "--from", dump, hostileComm, "-a")
	names("show", "-o", "json", "--from", dump, pid)
	names("why", "--from", dump, "-o", "json")
	names("why")
	names("why", lock)
	names("path", "--from", dump, pid, lock)
	names("wait", lock, "--timeout", "1s")
	appear := time.AfterFunc(500*time.Millisecond, func() {
		_ = exec.Command(filepath.Join(dir, hostileComm), "-x", "-w", "5", lock, "true").Run()
	})
	names("log", "-n", "4", "-d", "0.5")
	appear.Stop()
	names("diff", dump, "live")
	output("diff", "--trend", recording)
	names("postmortem", recording)
	names("replay", recording)
	names("--from", dump)
	names("-b", "-n", "1")
	names("run", "--", "mkfifo", "left"+hostileTitle)
	names("report", "--from", dump, "-o", "-")
	for _, format := range []string{"table", "jsonl"} {
		traceNames(t, command("trace", "--over", "1ms", "--all", "-o", format), func() {
			_ = exec.Command(filepath.Join(dir, hostileComm), "-x", "-w", "0.01", lock, "true").Run()
		})
	}
	output("doctor")
	for _, cmd := range []string{"show", "why", "explain", "kinds", "help", "man", "replay", "postmortem", "diff", "run", hostileTitle} {
		output(cmd, "nosuch"+hostileTitle)
	}
	exporterNames(t, command("exporter", "--web.listen-address", "127.0.0.1:0"))
}

// traceNames traces while a hostile process does something again and again, until the trace
// has reported it.
func traceNames(t *testing.T, cmd *exec.Cmd, do func()) {
	t.Helper()
	source, err := bpf.Open()
	if err != nil {
		t.Log("trace: no eBPF: ", err)
		return
	}
	source.Close()
	var out, errs locked
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for stopped := false; ; {
		select {
		case err := <-ended: // by the signal, or by the command's time limit
			if !stopped {
				t.Fatalf("%q names nothing that is hostile: %v: %s%s", cmd.Args, err, out.String(), errs.String())
			}
			if why := harm([]byte(out.String()), slices.Contains(cmd.Args, "jsonl")); why != "" {
				t.Errorf("%q writes a %s:\n%q", cmd.Args, why, out.String())
			}
			if why := harm([]byte(errs.String()), false); why != "" {
				t.Errorf("%q says a %s:\n%q", cmd.Args, why, errs.String())
			}
			return
		default:
			do()
		}
		if !stopped && strings.Contains(out.String(), "own") {
			stopped = true
			_ = cmd.Process.Signal(os.Interrupt)
		}
	}
}

// exporterNames scrapes an exporter once.
func exporterNames(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	var said []byte
	address := regexp.MustCompile(`127\.0\.0\.1:[1-9]\d*`)
	for b := make([]byte, 4096); address.Find(said) == nil; {
		n, err := errs.Read(b)
		if said = append(said, b[:n]...); err != nil {
			t.Fatalf("the exporter says %q, %v", said, err)
		}
	}
	answer, err := http.Get("http://" + string(address.Find(said)) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || !bytes.Contains(body, []byte("ipctop_objects")) {
		t.Fatalf("%v: %.300s", err, body)
	}
	if why := harm(body, false); why != "" {
		t.Errorf("the exporter writes a %s", why)
	}
}

// In the live view no name controls the terminal, on any screen or page.
func TestHostileNamesLive(t *testing.T) {
	if !apart(t) {
		return
	}
	waiter, _, dir := hostile(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := newTerminal(t, "160", "50")
	sent := filepath.Join(dir, "sent")
	if err := m.command("pipe-pane", "exec cat > "+sent).Run(); err != nil {
		t.Fatal(err)
	}
	m.run(exe + " -d 0.3")
	m.waitFor("own")
	goTo := func(screen string) {
		m.wait("screen "+screen, func() bool {
			m.keys("BSpace", "BSpace", screen)
			time.Sleep(20 * time.Millisecond)
			return strings.Contains(m.screen(), "["+screen+" ")
		})
	}
	for _, screen := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		for _, page := range []string{"Enter", "w", "g", "k", "W"} {
			goTo(screen)
			m.keys("End", page)
			time.Sleep(50 * time.Millisecond)
		}
	}
	goTo("2")
	m.waitFor(fmt.Sprint(waiter))
	m.keys("/")
	m.keys("-l", "gotcha")
	m.keys("Enter")
	m.waitFor("own")
	if title := m.format("#{pane_title}"); strings.Contains(title, "gotcha") {
		t.Errorf("the window's title is %q", title)
	}
	m.keys("q")
	m.wait("the shell", func() bool { return m.format("#{alternate_on}") == "0" })
	b, err := os.ReadFile(sent)
	if err != nil || !bytes.Contains(b, []byte("own")) {
		t.Fatalf("nothing was sent: %v", err)
	}
	for _, bad := range []string{"\x1b]0;gotcha", "\x1b[2Jown", "\u202e", "\u009b", "\xff"} {
		if i := bytes.Index(b, []byte(bad)); i >= 0 {
			t.Errorf("%q was sent to the terminal: %q", bad, b[max(i-80, 0):min(i+80, len(b))])
		}
	}
}
