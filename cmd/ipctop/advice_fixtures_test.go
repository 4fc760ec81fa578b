package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/testfixtures"
)

var pidInText = regexp.MustCompile(`\((\d+)\)`)

// TestFixtureAdvice carries out the first action that the finding about each rule's fixture
// advises. Of the processes that are said to go on, one must go on (one that gets a lock
// keeps it from the next). Objects that are said to be removed must be gone.
func TestFixtureAdvice(t *testing.T) {
	advised := 0
	for _, f := range testfixtures.All() {
		if f.Kind() != testfixtures.RuleKind || f.NegativeControl() {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			run, err := testfixtures.Start(t.Context(), f.Name)
			if err != nil {
				t.Fatal(err)
			}
			defer run.Close()
			if len(run.Instances) == 0 {
				t.Skip(run.Skipped[0].Reason)
			}
			inst := &run.Instances[0]
			finding := fixtureFinding(t, f.Rule(), inst)
			if len(finding.Actions) == 0 {
				t.Skip("it advises no command: ", finding.Summary)
			}
			action := finding.Actions[0]
			carryOut(t, inst, &action, finding)
			advised++
		})
	}
	if advised < 5 {
		t.Errorf("only %d of the rules' fixtures had advice to carry out", advised)
	}
}

// fixtureFinding is the finding of a rule about a fixture.
func fixtureFinding(t *testing.T, rule string, inst *testfixtures.Instance) *model.Finding {
	t.Helper()
	var found *model.Finding
	for end := time.Now().Add(5 * time.Second); found == nil; time.Sleep(100 * time.Millisecond) {
		snap := newScan(t)
		for i := range snap.Findings {
			f := &snap.Findings[i]
			if f.Rule == rule && (slices.ContainsFunc(f.PIDs, func(pid int) bool { return slices.Contains(inst.PIDs, pid) }) || slices.Contains(f.Objects, inst.Object)) {
				found = f
			}
		}
		if found == nil && time.Now().After(end) {
			t.Skipf("nothing is found so soon: %s", rule)
		}
	}
	return found
}

// carryOut carries out an action, if it concerns only the fixture.
func carryOut(t *testing.T, inst *testfixtures.Instance, action *model.Action, f *model.Finding) {
	t.Helper()
	argv := action.Argv
	ended := map[int]bool{}
	switch argv[0] {
	case "kill":
		for _, word := range argv[1:] {
			if pid, err := strconv.Atoi(word); err == nil {
				if !slices.Contains(inst.PIDs, pid) {
					t.Skipf("%v is about others, too", argv)
				}
				ended[pid] = argv[1] != "-CONT"
			}
		}
	case "ipcrm", "rm", "unshare":
		if len(f.Objects) != 1 {
			t.Skipf("%v is about others, too", argv)
		}
		if argv[0] == "unshare" && os.Geteuid() != 0 {
			t.Skip("without root nothing is mounted: ", argv)
		}
	default:
		t.Skipf("%v cannot be carried out", argv)
	}
	before := map[int]string{}
	for _, m := range pidInText.FindAllStringSubmatch(action.Effect, -1) {
		if pid, _ := strconv.Atoi(m[1]); !ended[pid] && slices.Contains(inst.PIDs, pid) {
			before[pid] = callOf(pid)
		}
	}
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v %s", argv, err, out)
	}
	if argv[0] != "kill" {
		snap := newScan(t)
		if slices.ContainsFunc(snap.Objects, func(o *model.Object) bool { return o.ID == f.Objects[0] && !o.Deleted }) {
			t.Errorf("%v was done, and %s still is there", argv, f.Objects[0])
		}
		if len(before) == 0 {
			return
		}
	}
	if len(before) == 0 && strings.Contains(action.Effect, "goes on") {
		t.Errorf("%v: who goes on is not named: %s", argv, action.Effect)
	}
	on := len(before) == 0
	for end := time.Now().Add(time.Minute); !on; time.Sleep(10 * time.Millisecond) {
		for pid, call := range before {
			on = on || callOf(pid) != call
		}
		if !on && time.Now().After(end) {
			t.Fatalf("%v was done, and nobody went on: %s", argv, action.Effect)
		}
	}
	if len(before) == 0 { // no waiter is concerned: then the object must be gone
		for end := time.Now().Add(time.Minute); finds(newScan(t), f); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%v was done, and %s still is found: %s", argv, f.Rule, f.Summary)
			}
		}
	}
}

// finds reports whether a snapshot still has a finding.
func finds(snap *model.Snapshot, f *model.Finding) bool {
	return slices.ContainsFunc(snap.Findings, func(g model.Finding) bool { return g.ID == f.ID })
}
