package main

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/render/live"
)

// readsSoFar is the number of calls such as read(2) that this process has made, one or more
// for each file that it has read (syscr in proc_pid_io(5)).
func readsSoFar(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skipf("reads are not counted here: %v", err)
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("syscr: ")); ok {
			n, err := strconv.Atoi(strings.TrimSpace(string(rest)))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Skip("reads are not counted here")
	return 0
}

// Everything that the overview shows is in the snapshot: a refresh reads no more files while the
// overview is shown than with another screen. The test counts instead of timing, and nothing else runs.
func TestOverviewReadsNothingMore(t *testing.T) {
	if !apart(t) {
		return
	}
	for range 3 {
		cmd := exec.Command("sleep", "60")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}
	o := &options{procRoot: "/proc", source: sourceProc, ages: diagnose.Defaults()}
	scan, done, err := machineScanner(o)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	settings := live.Settings{Zone: time.UTC}
	view, data := live.New(settings), (*live.Data)(nil)
	do := func(e live.Event) {
		next, effects := live.Update(view, e)
		view = next
		for _, effect := range effects {
			if w, ok := effect.(live.Work); ok {
				view, _ = live.Update(view, w.Run())
			}
		}
	}
	do(live.Resize{Width: 120, Height: 40})
	refresh := func() {
		index, err := scan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		data = live.Prepare(index, data, settings)
		do(live.Scanned{Data: data})
		live.Lines(view, 120, 40)
	}
	refresh()                      // what is read only once of a process
	perRefresh := map[string]int{} // the median, by screen
	for _, key := range []string{"2", "1", "4", "6"} {
		do(live.Key{Name: key})
		refresh()
		var each []int
		for range 5 {
			before := readsSoFar(t)
			refresh()
			each = append(each, readsSoFar(t)-before)
		}
		slices.Sort(each)
		perRefresh[key] = each[len(each)/2]
	}
	t.Logf("calls for reading in a refresh, by screen: %v", perRefresh)
	most := max(perRefresh["2"], perRefresh["4"], perRefresh["6"])
	if most < 10 {
		t.Fatal("so little is read that nothing was counted")
	}
	if n := perRefresh["1"]; n > most+3 { // the runtime reads a little itself
		t.Errorf("a refresh of the overview reads %d times, of another screen %d times", n, most)
	}
}
