package main

import (
	"maps"
	"slices"
	"testing"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/testfixtures"
)

// serves lists for some probes the fixtures of other kinds that need them, and why.
var serves = map[string][]string{
	// The other probe names what an epoll instance watches, or the memory that a futex is in.
	"pipe":     {"epoll"},
	"eventfd":  {"epoll"},
	"sysv-shm": {"futex", "futex:held", "futex:pi", "futex:robust"},
	// Semaphores are found among the shared memory files. The holders of both are found with the files.
	"posix-shm": {"posix-sem", "posix-sem:musl", "posix-sem:taken"},
	"file": {
		"posix-sem", "posix-sem:musl", "posix-sem:taken", "posix-shm", "posix-shm:deleted",
	},
	// Probes that are named after what they read, not after a kind.
	"locks": {"file:flock", "file:lease", "file:ofd", "file:posix"},
	"waits": {"futex", "futex:held", "futex:pi", "futex:robust"},
}

// Each probe finds its own kind: without it, exactly the fixtures of this kind are missing.
// This also proves that --verify can fail.
func TestEachProbeSwitchedOff(t *testing.T) {
	var names []string
	for _, f := range testfixtures.All() {
		if f.Kind() != testfixtures.RuleKind { // what a rule needs is tested elsewhere
			names = append(names, f.Name)
		}
	}
	run, err := testfixtures.Start(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	all := probes()
	for i := -1; i < len(all); i++ {
		off, rest := "none", slices.Clone(all)
		if i >= 0 {
			off, rest = all[i].Name, slices.Delete(rest, i, i+1)
		}
		// An object may be invisible for a moment (the kernel shows nothing of an io_uring
		// while a thread submits to it), so there are three attempts.
		var red, want map[string]bool
		for range 3 {
			if red, want = missing(t, rest, run, off); maps.Equal(red, want) {
				break
			}
		}
		if !maps.Equal(red, want) {
			t.Errorf("without %s the missing fixtures are %v, want %v", off,
				slices.Sorted(maps.Keys(red)), slices.Sorted(maps.Keys(want)))
		}
	}
}

// missing scans with all given probes except off, and returns which fixtures are not shown
// correctly, and which ought not to be.
func missing(t *testing.T, probes []probe.Probe, run *testfixtures.Run, off string) (red, want map[string]bool) {
	t.Helper()
	detail := func(*model.Snapshot) (pids []int, _ []string) {
		for i := range run.Instances {
			pids = append(pids, run.Instances[i].PIDs...)
		}
		return pids, nil
	}
	snap := probetest.ScanWith(t, probe.Options{Probes: probes, Detail: detail})
	diagnose.Run(snap, diagnose.Options{}) // it sets who could release a wait
	red, want = map[string]bool{}, map[string]bool{}
	for _, inst := range run.Instances {
		if testfixtures.Verify(snap, &inst) != nil {
			red[inst.Fixture] = true
		}
		if inst.Kind == off || slices.Contains(serves[off], inst.Fixture) {
			want[inst.Fixture] = true
		}
	}
	return red, want
}
