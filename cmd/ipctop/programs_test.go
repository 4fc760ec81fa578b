package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// The tests of real programs start a server as a plain process with its own configuration.
// They compare what ipctop shows of it with what the server itself says: its pid file, its
// configuration, its answers, the numbers of its descriptors.

// program is a running program. It and the processes that it starts end with the test.
type program struct {
	pid int
	in  io.WriteCloser
	out *bufio.Reader
}

// startReal starts a program; it skips the test if the program is not installed.
func startReal(t *testing.T, argv ...string) *program {
	t.Helper()
	name, err := exec.LookPath(argv[0])
	if err != nil {
		t.Skipf("%s is not installed", argv[0])
	}
	cmd := exec.Command(name, argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := &program{}
	if p.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.pid, p.out = cmd.Process.Pid, bufio.NewReader(stdout)
	t.Cleanup(func() {
		p.in.Close()
		_ = syscall.Kill(-p.pid, syscall.SIGTERM)
		late := time.AfterFunc(5*time.Second, func() { _ = syscall.Kill(-p.pid, syscall.SIGKILL) })
		_ = cmd.Wait()
		late.Stop()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil && len(text) > 0 {
			t.Logf("%s: %s", argv[0], text)
		}
	})
	return p
}

// line is the next line it prints.
func (p *program) line(t *testing.T) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("process %d said nothing: %v", p.pid, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// says reads a line of JSON that it prints.
func (p *program) says(t *testing.T, what any) {
	t.Helper()
	line := p.line(t)
	if err := json.Unmarshal([]byte(line), what); err != nil {
		t.Fatalf("process %d says %q: %v", p.pid, line, err)
	}
}

// pidFile waits for a program's pid file and returns the pid in it.
func pidFile(t *testing.T, path string) int {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(path)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			return pid
		}
	}
	t.Fatalf("no pid in %s", path)
	return 0
}

// childrenOf asks the kernel for a process's children.
func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + strconv.Itoa(pid) + "/children")
	if err != nil {
		t.Fatal(err)
	}
	var list []int
	for _, w := range strings.Fields(string(text)) {
		n, _ := strconv.Atoi(w)
		list = append(list, n)
	}
	return list
}

// writeFile writes a configuration.
func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// shortDir is a directory with a name short enough for socket paths in it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ipctop-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func newScan(t *testing.T) *model.Snapshot {
	t.Helper()
	snap := scanAll(t, probe.NewScanner(probe.Options{Probes: probes()}))
	diagnose.Run(snap, diagnose.Options{})
	return snap
}

// the returns the only object of a kind for which is returns true.
func the(t *testing.T, snap *model.Snapshot, kind model.Kind, what string, is func(o *model.Object) bool) *model.Object {
	t.Helper()
	var found []*model.Object
	for i := range snap.Objects {
		if o := snap.Objects[i]; o.Kind == kind && is(o) {
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d objects are %s", len(found), what)
	}
	return found[0]
}

// theID returns the object with an id.
func theID(t *testing.T, snap *model.Snapshot, id string) *model.Object {
	t.Helper()
	for i := range snap.Objects {
		if snap.Objects[i].ID == id {
			return snap.Objects[i]
		}
	}
	t.Fatalf("%s is not shown", id)
	return nil
}

// heldBy fails unless exactly these processes hold an object in the given way.
func heldBy(t *testing.T, o *model.Object, via model.Via, pids ...int) {
	t.Helper()
	var got []int
	for i := range o.Holders {
		if o.Holders[i].Via == via {
			got = append(got, int(o.Holders[i].PID))
		}
	}
	slices.Sort(got)
	slices.Sort(pids)
	if got = slices.Compact(got); !slices.Equal(got, pids) {
		t.Errorf("%s (%s) is held (%s) by %v, not by %v: %+v", o.ID, o.Name, via, got, pids, o.Holders)
	}
}

// peerOf returns the object that is certainly at the other end.
func peerOf(t *testing.T, snap *model.Snapshot, o *model.Object) *model.Object {
	t.Helper()
	if len(o.Peers) != 1 || o.Peers[0].Confidence != model.Certain {
		t.Fatalf("%s has peers %+v", o.ID, o.Peers)
	}
	return theID(t, snap, o.Peers[0].ID)
}
