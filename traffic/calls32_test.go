package traffic

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe/probetest"
	"github.com/ipctop/ipctop/testfixtures"
)

// TestCalls32 counts the calls of a 32-bit program, which have other numbers. If calls
// inside socketcall(2) are not counted, that must be reported.
func TestCalls32(t *testing.T) {
	cmd, in, lines := probetest.StartBuilt(t, probetest.Build(t, "./testdata/calls32", probetest.Arch32))
	if !lines.Scan() || lines.Text() != "ready" {
		t.Skipf("it says %q", lines.Text())
	}
	m := start(t)
	before, err := m.Sample()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in)
	var ino uint64
	var bytes, calls int64
	lines.Scan()
	if _, err := fmt.Sscan(lines.Text(), &ino, &bytes, &calls); err != nil {
		t.Fatalf("it says %q: %v", lines.Text(), err)
	}
	s, err := m.Sample()
	if err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf("pipe:%d", ino)
	snap := &model.Snapshot{Objects: []*model.Object{{ID: id, Kind: model.Pipe, Ino: model.Big(ino)}}}
	s.AddTo(snap)
	want := [2]testfixtures.Count{{Bytes: bytes, Calls: 2 * calls}, {Bytes: bytes, Calls: calls}}
	if len(snap.Traffic) != 1 || countOf(&snap.Traffic[0], cmd.Process.Pid) != want {
		t.Errorf("counted %+v, it did %v", snap.Traffic, want)
	}
	if runtime.GOARCH == "amd64" && !m.counter.Functions && s.hidden < before.hidden+uint64(2*calls) {
		t.Errorf("%d calls are hidden in socketcall, and were %d before: %d were made", s.hidden, before.hidden, 2*calls)
	}
}
