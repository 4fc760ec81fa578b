package testfixtures_test

import (
	"testing"

	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/testfixtures"
)

// TestScanSeesPipes compares what pipes report about themselves with the scan.
func TestScanSeesPipes(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", t.TempDir())
	run, err := testfixtures.Start(t.Context(), "pipe", "pipe:full", "fifo", "fifo:deleted", "fifo:hostile")
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	snap := probetest.Scan(t, pipes.Pipe(), pipes.FIFO())
	for i := range run.Instances {
		if err := testfixtures.Verify(snap, &run.Instances[i]); err != nil {
			t.Errorf("%s: %v", run.Instances[i].Fixture, err)
		}
	}
}
