package testfixtures

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// ownDemo makes a directory of the pictures only for this test.
func ownDemo(t *testing.T) string {
	t.Helper()
	usual := demoDir
	demoDir = filepath.Join(t.TempDir(), "demo")
	t.Cleanup(func() { demoDir = usual })
	return demoDir
}

func TestDemo(t *testing.T) {
	ownHome(t)
	dir := ownDemo(t)
	run := start(t, "demo")
	var names []string
	for _, inst := range run.Instances {
		names = append(names, inst.Fixture)
	}
	if got := strings.Join(names, " "); got != Demo+" "+DemoPipe {
		t.Errorf("demo is %s", got)
	}
	for _, name := range []string{"ledger.lck", "invoices.lck"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	// Under its own name the deadlock has its files where all fixtures have theirs.
	start(t, Demo)
	if err := run.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

// An image made from scratch has neither /tmp nor the directory in TMPDIR.
func TestDemoWithoutDirectories(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	usual := demoDir
	demoDir = filepath.Join(t.TempDir(), "none", "demo")
	t.Cleanup(func() { demoDir = usual })
	run := start(t, "demo")
	if len(run.Instances) != 2 {
		t.Fatalf("%d made, %+v", len(run.Instances), run.Failed)
	}
	if _, err := os.Stat(filepath.Join(run.manifest.dir, "ledger.lck")); err != nil {
		t.Error(err)
	}
}

// If the directory exists already it is not changed, and nothing is made.
func TestDemoLeavesOthersAlone(t *testing.T) {
	dir := ownDemo(t)
	target := t.TempDir()
	home := ownHome(t) // the last call: temporary directories are in it from here on
	if err := os.Symlink(target, dir); err != nil {
		t.Fatal(err)
	}
	if run, err := Start(t.Context(), "demo"); err == nil {
		t.Errorf("%d made", len(run.Instances))
		_ = run.Close()
	} else if !strings.Contains(err.Error(), "is there already") {
		t.Error(err)
	}
	for _, d := range []string{target, home} {
		if left, err := os.ReadDir(d); err != nil || len(left) > 0 {
			t.Errorf("in %s: %v, %v", d, left, err)
		}
	}
	if got, err := os.Readlink(dir); err != nil || got != target {
		t.Errorf("the link leads to %q, %v", got, err)
	}
}

// A killed run's directory is removed; another one that has replaced it is not.
func TestDemoIsCleaned(t *testing.T) {
	for _, same := range []bool{true, false} {
		home, dir := ownHome(t), ownDemo(t)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "ledger.lck"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		if err := unix.Lstat(dir, &st); err != nil {
			t.Fatal(err)
		}
		made := &demoRecord{dir, uint64(st.Dev), st.Ino}
		if !same {
			made.Ino++
		}
		leave(t, home, deadOwner(t), record{Demo: made}, record{File: []byte("ledger.lck"), Regular: true, InDemo: true}, record{File: []byte("invoices.lck"), Regular: true, InDemo: true})
		report, err := clean([]string{home})
		if err != nil {
			t.Fatal(err)
		}
		_, err = os.Lstat(filepath.Join(dir, "ledger.lck"))
		if gone := os.IsNotExist(err); gone != same || len(report.Kept) > 0 == same {
			t.Errorf("same directory %v: gone %v, %+v", same, gone, report)
		}
	}
}
