package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
)

// startBlocked compiles a program of testdata and starts it until the test ends. For each thread
// that the program reports as blocked it returns the call, the thread and the object waited for.
func startBlocked(t *testing.T, name, arch string) (pid int, calls map[string][2]string) {
	t.Helper()
	cmd, _, lines := probetest.StartBuilt(t, probetest.Build(t, "./testdata/"+name, arch))
	calls = map[string][2]string{}
	for lines.Scan() {
		call, rest, _ := strings.Cut(lines.Text(), " ")
		tid, object, _ := strings.Cut(rest, " ")
		switch call {
		case "ready":
			return cmd.Process.Pid, calls
		case "error":
			t.Skipf("%s: %s", name, rest)
		}
		calls[call] = [2]string{tid, object}
	}
	t.Skipf("%s ends before it is ready", name)
	return 0, nil
}

// checkBlocked scans until every thread is shown in its call, waiting for its object.
func checkBlocked(t *testing.T, pid int, calls map[string][2]string) {
	t.Helper()
	var missing []string
	for range 50 {
		snap := newScan(t)
		missing = nil
		for call, at := range calls {
			if !slices.ContainsFunc(snap.Waits, func(w model.Wait) bool {
				return w.PID == pid && fmt.Sprint(w.TID) == at[0] && strings.HasPrefix(w.Call, call) && waitsFor(snap, &w, at[1])
			}) {
				missing = append(missing, fmt.Sprint(call, at))
			}
		}
		for _, g := range snap.Gaps {
			if g.Probe == "waits" && g.PID == pid {
				missing = append(missing, fmt.Sprintf("gap %+v", g))
			}
		}
		if len(missing) == 0 {
			return
		}
	}
	t.Errorf("not seen: %q", missing)
}

// waitsFor reports whether the wait is for the given object, file, range or child.
func waitsFor(snap *model.Snapshot, w *model.Wait, what string) bool {
	if what == "" || w.Object == what || slices.Contains(w.Objects, what) {
		return true
	}
	if w.Target != nil && (w.Target.Range == what || w.Target.Child.Known() && fmt.Sprint(w.Target.Child.Or(0)) == what) {
		return true
	}
	return slices.ContainsFunc(snap.Objects, func(o *model.Object) bool { return o.ID == w.Object && o.Path == what })
}

// TestCallsOf32BitProgram: 32-bit programs have other system call numbers and other structure layouts.
func TestCallsOf32BitProgram(t *testing.T) {
	if probetest.Arch32 == "" {
		t.Skip("calls of this architecture are not decoded")
	}
	pid, calls := startBlocked(t, "calls32", probetest.Arch32)
	checkBlocked(t, pid, calls)
}

// TestCallsOf32BitsIn64BitProgram: the 32-bit number of waitpid is the 64-bit number of poll.
func TestCallsOf32BitsIn64BitProgram(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("64-bit programs of this architecture cannot make such calls")
	}
	pid, calls := startBlocked(t, "int80", "amd64")
	checkBlocked(t, pid, calls)
}
