//go:build linux

package main

import (
	"slices"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/testfixtures"
)

// What is left out where only waits are asked for is not missing from them: the
// finding about a full pipe at which a writer sleeps is the same, while nobody
// asks how full another one is.
func TestWaitsOnly(t *testing.T) {
	run, err := testfixtures.Start(t.Context(), "pipe-full", "pipe:full", "deadlock")
	if err != nil {
		t.Skip(err)
	}
	defer run.Close()
	whole, err := scanMachine(t.Context(), &options{procRoot: "/proc"})
	if err != nil {
		t.Fatal(err)
	}
	brief, err := scanMachine(t.Context(), &options{procRoot: "/proc", waitsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"RLIMIT_NOFILE", "fs.file-max"} {
		if !hasLimit(whole, name) || hasLimit(brief, name) {
			t.Errorf("%s: in the whole snapshot %v, in the brief one %v", name, hasLimit(whole, name), hasLimit(brief, name))
		}
	}
	for _, instance := range run.Instances {
		for name, snap := range map[string]*model.Snapshot{"whole": whole, "brief": brief} {
			var found string
			for _, f := range snap.Findings {
				for _, id := range f.Objects {
					if id == instance.Object {
						found = f.Rule
					}
				}
			}
			switch {
			case instance.Fixture == "pipe:full":
				d := pipeDetail(snap, instance.Object)
				if d == nil || d.Queued.Known() != (name == "whole") {
					t.Errorf("%s: a pipe at which nobody sleeps: %+v", name, d)
				}
			case found != instance.Fixture:
				t.Errorf("%s: %s is found as %q", name, instance.Fixture, found)
			}
		}
	}
}

func hasLimit(snap *model.Snapshot, name string) bool {
	return slices.ContainsFunc(snap.Limits, func(l model.Limit) bool { return l.Name == name })
}

func pipeDetail(snap *model.Snapshot, id string) *model.PipeDetail {
	for i := range snap.Objects {
		if d, ok := snap.Objects[i].Detail.(*model.PipeDetail); ok && snap.Objects[i].ID == id {
			return d
		}
	}
	return nil
}
