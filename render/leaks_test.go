package render

import (
	"testing"

	"github.com/ipctop/ipctop/leak"
	"github.com/ipctop/ipctop/model"
)

func TestLeaks(t *testing.T) {
	r := &leak.Report{Command: []string{"e\x1bvil"}, PID: 7, Descendants: 2}
	if got, want := string(Leaks(r)), "ipctop: e\\x1bvil(7) left nothing behind (2 descendants)\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r.Notes = []string{"a gap"}
	r.Left = []leak.Leak{
		{Kind: leak.Process, Name: "sleep", PID: 9, Confidence: model.Certain, Why: "still running", Holds: []string{"a", "b", "c", "d", "e", "f", "g", "h"}},
		{
			Kind: model.PosixShm, ID: "posix-shm:1", Name: "/a b", Size: model.Some[int64](8192), Confidence: model.Likely, Why: "new",
			Remove: []string{"rm", "--", "/dev/shm/a b"},
		},
		{Kind: model.FIFO, Name: "/tmp/fifo", Size: model.Some[int64](0), Confidence: model.Possible, Why: "new"},
	}
	want := "ipctop: e\\x1bvil(7) left behind:\n" +
		"  certain   process sleep(9): still running\n" +
		"            holds a, b, c, d, e, f and 2 more\n" +
		"  likely    posix-shm:1 (/a b), 8K: new\n" +
		"            to remove it: rm -- '/dev/shm/a b'\n" +
		"  possible  fifo /tmp/fifo: new\n" +
		"ipctop: a gap\n"
	if got := string(Leaks(r)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
