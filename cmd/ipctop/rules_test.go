package main

import (
	"slices"
	"testing"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/testfixtures"
)

// TestRulesHaveFixtures requires for every rule a real instance of its fault, and a negative control.
func TestRulesHaveFixtures(t *testing.T) {
	var positive, control []string
	for _, f := range testfixtures.All() {
		switch {
		case f.Rule() == "":
			continue
		case f.NegativeControl():
			control = append(control, f.Rule())
		case f.Name == f.Rule():
			positive = append(positive, f.Rule())
		}
	}
	var rules []string
	for _, r := range diagnose.Rules() {
		rules = append(rules, r.ID)
		if !slices.Contains(positive, r.ID) {
			t.Errorf("no fixture %s shows what the rule is about", r.ID)
		}
		if !slices.Contains(control, r.ID) {
			t.Errorf("no fixture %s:control shows what the rule must not speak of", r.ID)
		}
	}
	for _, name := range slices.Concat(positive, control) {
		if !slices.Contains(rules, name) {
			t.Errorf("fixture %s: there is no such rule", name)
		}
	}
}

// TestFixturesDiagnosed makes the faults and their negative controls, and compares the
// findings with what the fixtures expect.
func TestFixturesDiagnosed(t *testing.T) {
	skipIfLate(t)
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", shortDir(t)) // short enough for socket paths
	var names []string
	for _, f := range testfixtures.All() {
		if f.Rule() != "" {
			names = append(names, f.Name)
		}
	}
	run, err := testfixtures.Start(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	for _, s := range run.Skipped {
		t.Logf("%s is skipped: %s", s.Fixture, s.Reason)
	}
	// At the moment of a scan something may be invisible, for example if another process
	// has the pid of one that has ended. So a fault has three attempts. A negative control
	// must have no finding in any sample.
	scanner := probe.NewScanner(probe.Options{Probes: probes(), Helper: "/proc/self/exe", ListDirectories: true})
	missed := map[string]error{}
	for look := range 3 {
		snap := diagnosed(t, scanner)
		for i := range run.Instances {
			inst := &run.Instances[i]
			switch err := testfixtures.Verify(snap, inst); {
			case inst.Diagnosis.NegativeControl && err != nil:
				t.Errorf("%s: %v", inst.Fixture, err)
			case look == 0 || err == nil:
				missed[inst.Fixture] = err
			}
			// Check that Verify does not pass because nothing is compared.
			without := *snap
			without.Findings = []model.Finding{}
			if err := testfixtures.Verify(&without, inst); (err == nil) != inst.Diagnosis.NegativeControl {
				t.Errorf("%s: without findings: %v", inst.Fixture, err)
			}
		}
	}
	for name, err := range missed {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// diagnosed scans and diagnoses, however young the waits are.
func diagnosed(t *testing.T, scanner *probe.Scanner) *model.Snapshot {
	t.Helper()
	snap := probetest.Again(t, scanner)
	diagnose.Run(snap, diagnose.Options{})
	return snap
}
