package probe

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

func TestNewLimit(t *testing.T) {
	if l := NewLimit("", "kernel.shmmax", "bytes", 18446744073692774399); !l.Unlimited || l.Max.Known() {
		t.Errorf("%+v", l)
	}
	if l := NewLimit("", "fs.file-max", "open files", math.MaxInt64); !l.Unlimited {
		t.Errorf("%+v", l)
	}
	if l := NewLimit(model.SysvMsg, "kernel.msgmni", "queues", 0); l.Unlimited || l.Max != model.Some[int64](0) || l.Kind != model.SysvMsg {
		t.Errorf("none at all may be used: %+v", l)
	}
	if l := NewLimit("no such kind", "x", "y", 1); l.Kind != "" {
		t.Errorf("%+v", l)
	}
}

func TestSortLimits(t *testing.T) {
	limit := func(name string, pid int, used, most int64) model.Limit {
		return model.Limit{Name: name, Scope: &model.LimitScope{PID: pid}, Used: model.Some(used), Max: model.Some(most)}
	}
	unlimited := model.Limit{Name: "b", Unlimited: true, Used: model.Some[int64](9)}
	got := sortLimits([]model.Limit{
		unlimited, limit("b", 2, 1, 10), limit("a", 3, 1, 10), limit("a", 3, 1, 2), limit("a", 3, 1, 5),
		{Name: "b", Used: model.Some[int64](3), Max: model.Some[int64](100)},
	})
	var have []string
	for _, l := range got {
		have = append(have, l.Name+":"+model.Big(l.Max.Or(0)).String())
	}
	if want := []string{"a:2", "b:100", "b:10"}; !slices.Equal(have, want) {
		t.Errorf("%v, want %v: the worst of each", have, want)
	}
}

func limitsOf(t *testing.T, root string) *model.Snapshot {
	t.Helper()
	s, err := NewScanner(Options{ProcRoot: root}).Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func limitNamed(s *model.Snapshot, name string, pid int) *model.Limit {
	for i := range s.Limits {
		if l := &s.Limits[i]; l.Name == name && (pid == 0 || l.Scope != nil && l.Scope.PID == pid) {
			return l
		}
	}
	return nil
}

// The use of a process's descriptor limit is its number of descriptors.
func TestLiveDescriptors(t *testing.T) {
	var rlimit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &rlimit); err != nil {
		t.Fatal(err)
	}
	// sleep opens nothing once it sleeps, unlike this program.
	holding := func(n int) int {
		cmd := exec.Command("sleep", "60")
		for range n {
			f, err := os.Open("/dev/null")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		}
		if err := cmd.Start(); err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return cmd.Process.Pid
	}
	open := func(pid int) model.Opt[int64] { // including those that this test was started with
		list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			t.Fatal(err)
		}
		return model.Some(int64(len(list)))
	}
	few, more := holding(0), holding(7)
	var a, b *model.Limit
	for range 50 { // until both processes have opened their libraries
		s := limitsOf(t, "")
		a, b = limitNamed(s, "RLIMIT_NOFILE", few), limitNamed(s, "RLIMIT_NOFILE", more)
		if a == nil || b == nil {
			t.Fatalf("%+v and %+v", a, b)
		}
		if a.Used == open(few) && b.Used == open(more) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if a.Used != open(few) || b.Used != open(more) || b.Used.Or(0) < 10 {
		t.Errorf("%v used, %v with 7 more; open are %v and %v", a.Used, b.Used, open(few), open(more))
	}
	if b.Max.Or(0) <= 0 || b.Max.Or(0) > int64(rlimit.Max) || b.Unlimited || b.Estimated {
		t.Errorf("%+v, want a maximum like %+v", b, rlimit)
	}
}

func TestLiveMachine(t *testing.T) {
	s := limitsOf(t, "")
	for _, name := range []string{"fs.file-max", "kernel.threads-max"} {
		l := limitNamed(s, name, 0)
		if l == nil || l.Used.Or(0) <= 0 || l.Scope != nil || !l.Max.Known() && !l.Unlimited {
			t.Errorf("%s: %+v", name, l)
		}
	}
	if l := limitNamed(s, "fs.nr_open", 0); l == nil || l.Used.Known() || l.Max.Or(0) <= 0 {
		t.Errorf("fs.nr_open: %+v", l)
	}
}

// If the kernel lacks a file, there is no such limit. A file that may not be
// read or has unexpected content is a gap.
func TestMissingAndBadSysctl(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"stat": "btime 1\n", "1/stat": "1 (init) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0\n", "1/status": "Name:\tinit\n",
		"sys/fs/nr_open": "lots\n", "sys/kernel/threads-max": "10\n", "1/limits": "Max open files  4  8  files\n",
		"1/fd/0": "", "1/fd/1": "", "1/fd/2": "",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "sys/kernel/pid_max"), 0o700); err != nil { // EISDIR
		t.Fatal(err)
	}
	s := limitsOf(t, root)
	if l := limitNamed(s, "fs.file-max", 0); l != nil {
		t.Errorf("there is no such file: %+v", l)
	}
	if l := limitNamed(s, "kernel.threads-max", 0); l == nil || l.Used.Known() || l.Max != model.Some[int64](10) {
		t.Errorf("without loadavg: %+v", l)
	}
	for _, name := range []string{"nr_open", "pid_max"} {
		if !slices.ContainsFunc(s.Gaps, func(g model.Gap) bool { return filepath.Base(g.Path) == name && g.Op == "read limit" }) {
			t.Errorf("no gap for %s: %+v", name, s.Gaps)
		}
	}
	// The pid belongs to another process here, so the file is read.
	if l := limitNamed(s, "RLIMIT_NOFILE", 1); l == nil || l.Max != model.Some[int64](4) {
		t.Errorf("%+v; gaps %+v", l, s.Gaps)
	}
}
