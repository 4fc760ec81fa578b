package traffic

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/testfixtures"
)

// TestCalls32 counts what a 32-bit program does, whose calls have other numbers; those
// that are hidden in socketcall(2) are told of.
func TestCalls32(t *testing.T) {
	arch := map[string]string{"amd64": "386", "arm64": "arm"}[runtime.GOARCH]
	program := filepath.Join(t.TempDir(), "calls32")
	build := exec.Command("go", "build", "-o", program, "./testdata/calls32")
	build.Env = append(os.Environ(), "GOARCH="+arch, "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("go: %v\n%s", err, out)
	}
	cmd := exec.Command(program)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("this machine runs no 32-bit programs: %v", err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
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
	if runtime.GOARCH == "amd64" && s.hidden < before.hidden+uint64(2*calls) {
		t.Errorf("%d calls are hidden in socketcall, and were %d before: %d were made", s.hidden, before.hidden, 2*calls)
	}
}
