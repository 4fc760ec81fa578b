//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/testfixtures"
)

// A scan only for waits omits many objects, but waits lack nothing: for every rule about
// stuck processes, the waits of its fixture, who could release them, and the findings are
// the same, with the same confidence.
func TestWaitsOnly(t *testing.T) {
	var names []string
	for _, f := range testfixtures.All() {
		if f.Kind() == "rule" && !strings.HasSuffix(f.Name, ":control") {
			names = append(names, f.Name)
		}
	}
	run, err := testfixtures.Start(t.Context(), append(names, "pipe:full")...)
	if err != nil {
		t.Skip(err)
	}
	defer run.Close()
	time.Sleep(diagnose.DefaultDeadlockAge + 500*time.Millisecond) // otherwise a rule might apply in only one of two scans
	whole, err := scanMachine(t.Context(), &options{procRoot: "/proc", ages: diagnose.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	brief, err := scanMachine(t.Context(), &options{procRoot: "/proc", ages: diagnose.Defaults(), waitsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"RLIMIT_NOFILE", "fs.file-max"} {
		if !hasLimit(whole, name) || hasLimit(brief, name) {
			t.Errorf("%s: in the whole snapshot %v, in the brief one %v", name, hasLimit(whole, name), hasLimit(brief, name))
		}
	}
	compared := 0
	for _, instance := range run.Instances {
		if instance.Fixture == "pipe:full" {
			if !hasObject(whole, instance.Object) || hasObject(brief, instance.Object) {
				t.Error("a pipe at which nobody waits is in the brief snapshot, or not in the whole one")
			}
			continue
		}
		got := stuck(brief, instance.PIDs)
		for _, line := range stuck(whole, instance.PIDs) {
			if compared++; !slices.Contains(got, line) {
				t.Errorf("%s: missing:\n%s\nthere is\n%s", instance.Fixture, line, strings.Join(got, "\n"))
			}
		}
	}
	t.Log(compared, "waits and findings compared")
	if compared < 30 {
		t.Errorf("only %d waits and findings were compared", compared)
	}
}

// stuck is what a snapshot says of waiting threads of these processes, without pipes on
// which nobody waits.
func stuck(snap *model.Snapshot, pids []int) []string {
	among := func(list []int) bool {
		return len(list) > 0 && !slices.ContainsFunc(list, func(pid int) bool { return !slices.Contains(pids, pid) })
	}
	var list []string
	waits := map[int]bool{}
	for i := range snap.Waits {
		w := &snap.Waits[i]
		// Threads of a holder's runtime come and go, and one waits for the test.
		runtime := strings.HasPrefix(w.Object, fmt.Sprintf("futex:%d:", w.PID)) ||
			slices.ContainsFunc(w.Blockers, func(b model.Blocker) bool { return b.PID == os.Getpid() })
		if w.Confirmed && !runtime && slices.Contains(pids, w.PID) {
			waits[w.PID] = true
			list = append(list, fmt.Sprintf("%d %s %s on %s %v, clauses %v, blockers %v", w.TID, w.Call, w.Needs, w.Object, w.Objects, w.Clauses, w.Blockers))
		}
	}
	for _, f := range snap.Findings {
		if f.Rule != "no-reader" && among(f.PIDs) && slices.ContainsFunc(f.Victims, func(pid int) bool { return waits[pid] }) {
			list = append(list, fmt.Sprintf("%s, %s, %s: %s %v", f.Rule, f.Severity, f.Confidence, f.Summary, f.LoweredBy))
		}
	}
	return list
}

func hasLimit(snap *model.Snapshot, name string) bool {
	return slices.ContainsFunc(snap.Limits, func(l model.Limit) bool { return l.Name == name })
}

func hasObject(snap *model.Snapshot, id string) bool {
	return slices.ContainsFunc(snap.Objects, func(o *model.Object) bool { return o.ID == id })
}
