package probe_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

func itoa(n int) string { return strconv.Itoa(n) }

func findProcess(snap *model.Snapshot, pid int) *model.Process {
	for i := range snap.Processes {
		if snap.Processes[i].PID == pid {
			return snap.Processes[i]
		}
	}
	return nil
}

func TestScanFindsItself(t *testing.T) {
	snap := probetest.ScanWith(t, probe.Options{})
	self := findProcess(snap, os.Getpid())
	if self == nil {
		t.Fatal("the scan does not show the process that made it")
	}
	exe, _ := os.Executable()
	if !self.Self || self.PPID != os.Getppid() || self.Exe != exe || len(self.Cmdline) != len(os.Args) ||
		self.UID.Or(-1) != os.Geteuid() || self.Threads < 1 || len(self.ThreadList) == 0 {
		t.Errorf("got %+v", self)
	}
	if d := time.Since(self.StartTime); d < -2*time.Second || d > time.Hour {
		t.Errorf("started %v ago", d)
	}
	if got, want := self.Namespaces["net"], snap.Host.Namespaces["net"]; got != want || want == 0 {
		t.Errorf("network namespace %d, of the host %d", got, want)
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := self.FDs.Get(); !ok || n < len(fds)-1 {
		t.Errorf("%d descriptors (known: %v), /proc/self/fd has %d", n, ok, len(fds)-1)
	}
}

// Progress counts up to all processes, but is not called for each one.
func TestProgress(t *testing.T) {
	last, total, calls := 0, 0, 0
	snap := probetest.ScanWith(t, probe.Options{Progress: func(done, all int) {
		if done <= last || done > all || total != 0 && all != total {
			t.Errorf("%d of %d after %d of %d", done, all, last, total)
		}
		last, total = done, all
		calls++
	}})
	if calls == 0 || last != total || total < len(snap.Processes) {
		t.Errorf("%d calls, the last with %d of %d; there are %d processes", calls, last, total, len(snap.Processes))
	}
}

// A fault in a probe costs only that probe's part.
func TestProbeFailures(t *testing.T) {
	space := &probe.KeySpace{Name: "test", New: func(k probe.Key, _ *probe.Scan) model.Object {
		return model.Object{ID: "test:1", Kind: "test"}
	}}
	snap := probetest.ScanWith(t, probe.Options{Probes: []probe.Probe{
		{Name: "panics", Table: func(context.Context, probe.NS, *probe.Collector) error { panic("boom") }},
		{Name: "fails", Table: func(context.Context, probe.NS, *probe.Collector) error { return unix.EACCES }},
		{Name: "completes badly", Complete: func(context.Context, *probe.Index, *probe.Collector) { panic("bang") }},
		{Name: "works", Table: func(_ context.Context, _ probe.NS, out *probe.Collector) error {
			out.AddHolder(probe.Key{Space: space, Num: 1}, model.Holder{PID: 1})
			return nil
		}},
	}})
	want := map[string]model.Reason{"panics": model.Other, "fails": model.Denied, "completes badly": model.Other}
	for _, g := range snap.Gaps {
		if r, ok := want[g.Probe]; ok {
			if g.Reason != r {
				t.Errorf("%s: reason %s, want %s", g.Probe, g.Reason, r)
			}
			delete(want, g.Probe)
		}
	}
	if len(want) != 0 {
		t.Errorf("no gap for %v", want)
	}
	if len(snap.Objects) != 1 || len(snap.Objects[0].Holders) != 1 {
		t.Errorf("the probe that works found %+v", snap.Objects)
	}
}

// A hook that panics on one process costs only that process, and a gap says so.
func TestHookPanics(t *testing.T) {
	snap := probetest.ScanWith(t, probe.Options{Probes: []probe.Probe{{
		Name: "panics",
		Process: func(p *probe.Proc, _ *probe.Collector) {
			if p.Model.PID == os.Getpid() {
				panic("boom")
			}
		},
	}}})
	if findProcess(snap, os.Getpid()) != nil {
		t.Error("the process is there although its reading failed")
	}
	if findProcess(snap, os.Getppid()) == nil {
		t.Error("other processes are missing")
	}
	for _, g := range snap.Gaps {
		if g.PID == os.Getpid() && strings.Contains(g.Detail, "boom") {
			return
		}
	}
	t.Errorf("no gap tells of it: %+v", snap.Gaps)
}

func TestNoProcFileSystem(t *testing.T) {
	empty := t.TempDir()
	noProcesses := t.TempDir()
	if err := os.WriteFile(filepath.Join(noProcesses, "stat"), []byte("btime 1700000000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	malformed := t.TempDir()
	if err := os.WriteFile(filepath.Join(malformed, "stat"), []byte("btime x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(empty, "..", "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for root, want := range map[string]string{
		empty:                          "is not a proc file system",
		noProcesses:                    "there is no process in it",
		malformed:                      "malformed",
		file:                           "not a directory",
		filepath.Join(empty, "absent"): "no such file",
	} {
		_, err := probe.NewScanner(probe.Options{ProcRoot: root}).Scan(context.Background())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), root) {
			t.Errorf("%s: error %v, want %q and the path", root, err, want)
		}
	}
}

// If self in a proc file system is another process, the file system seems to belong to
// another pid namespace, so pids from it are not used in system calls.
func TestForeignProc(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("stat", "btime 1700000000\n")
	write("7/stat", "7 (init) S 0 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0\n")
	write("7/status", "Name:\tinit\nState:\tS (sleeping)\nUid:\t0\t0\t0\t0\nNSpid:\t7\t1\n")
	write("7/cmdline", "/sbin/init\x00--x\x00")
	if err := os.Symlink("pipe:[4242]", filepath.Join(root, "7", "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, "7", "fd"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pipe:[4242]", filepath.Join(root, "7", "fd", "3")); err != nil {
		t.Fatal(err)
	}
	var pidCalls []bool
	snap := probetest.ScanWith(t, probe.Options{ProcRoot: root, Probes: []probe.Probe{{
		Name: "p",
		Complete: func(_ context.Context, idx *probe.Index, _ *probe.Collector) {
			pidCalls = append(pidCalls, idx.Scan.PIDCalls)
		},
	}}})
	if len(pidCalls) != 1 || pidCalls[0] || !snap.Scan.PIDNamespaceForeign {
		t.Errorf("pid calls %v, foreign %v", pidCalls, snap.Scan.PIDNamespaceForeign)
	}
	p := findProcess(snap, 7)
	if p == nil || p.Comm != "init" || p.Label != "init" || len(p.NSPIDs) != 2 || p.FDs.Or(-1) != 1 ||
		!p.StartTime.Equal(time.Unix(1700000001, 0)) {
		t.Errorf("got %+v", p)
	}
}

func TestScanStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := probe.NewScanner(probe.Options{}).Scan(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// For each process that an ordinary user's scan cannot see there is one gap, with a count.
func TestHiddenProcesses(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root sees the descriptors of nearly all processes")
	}
	snap := probetest.ScanWith(t, probe.Options{})
	hidden := map[int]bool{}
	for _, g := range snap.Gaps {
		if g.Reason == model.Denied && g.Probe == "fd" {
			if hidden[g.PID] {
				t.Errorf("two gaps for process %d", g.PID)
			}
			hidden[g.PID] = true
		}
	}
	if len(hidden) == 0 || snap.Scan.ProcessesUnreadable != len(hidden) {
		t.Errorf("%d processes said to be unreadable, gaps for %d", snap.Scan.ProcessesUnreadable, len(hidden))
	}
	init := findProcess(snap, 1)
	if init == nil || init.Comm == "" || !init.UID.Known() || init.Exe != "" {
		t.Errorf("process 1 is %+v: want what everyone may read, and nothing else", init)
	}
}
