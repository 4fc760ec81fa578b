package testfixtures_test

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/fdscan/files"
	"github.com/ipctop/ipctop/fdscan/memory"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/filelock"
	"github.com/ipctop/ipctop/posix"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/testfixtures"
)

// TestScanSeesMemoryAndLocks compares shared memory, semaphores, files and locks
// with the scan's view of them.
func TestScanSeesMemoryAndLocks(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", t.TempDir())
	var names []string
	for _, name := range testfixtures.Names() {
		switch kind, _, _ := strings.Cut(name, ":"); kind {
		case "posix-shm", "posix-sem", "shm-anon", "memfd", "file":
			names = append(names, name)
		}
	}
	run, err := testfixtures.Start(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	snap, err := probe.NewScanner(probe.Options{Probes: []probe.Probe{
		pipes.FIFO(), memory.Memfd(), memory.ShmAnon(), posix.Shm(), posix.Sem(), files.File(), filelock.Locks(),
	}}).Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range run.Skipped {
		t.Logf("%s is skipped: %s", s.Fixture, s.Reason)
	}
	for i := range run.Instances {
		if err := testfixtures.Verify(snap, &run.Instances[i]); err != nil {
			t.Errorf("%s: %v", run.Instances[i].Fixture, err)
		}
	}
}
