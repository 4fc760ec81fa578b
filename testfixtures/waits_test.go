package testfixtures_test

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/sysv"
	"github.com/ipctop/ipctop/testfixtures"
	"github.com/ipctop/ipctop/waitstate"
)

// TestScanSeesWaits compares what blocked processes know of their waits with the scan.
func TestScanSeesWaits(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", t.TempDir())
	run, err := testfixtures.Start(t.Context(), "pipe:reader", "pipe:writer", "sysv-sem", "futex", "futex:robust", "futex:pi")
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	snap, err := probe.NewScanner(probe.Options{
		Probes: []probe.Probe{pipes.Pipe(), sysv.Sem(), sysv.Shm(), waitstate.Probe()},
	}).Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	diagnose.Run(snap, diagnose.Options{}) // it sets who could release a wait
	if snap.Waits == nil {
		t.Fatalf("nobody looked for waits: %+v", snap.Gaps)
	}
	for i := range run.Instances {
		inst := &run.Instances[i]
		if err := testfixtures.Verify(snap, inst); err != nil {
			t.Errorf("%s: %v", inst.Fixture, err)
		}
		// Check that Verify does not pass because nothing is compared.
		without := *snap
		without.Waits = without.Waits[:0]
		if err := testfixtures.Verify(&without, inst); err == nil || !strings.Contains(err.Error(), "waits") {
			t.Errorf("%s: without its wait: %v", inst.Fixture, err)
		}
	}
}
