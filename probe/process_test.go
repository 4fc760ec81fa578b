package probe

import (
	"testing"

	"github.com/ipctop/ipctop/model"
)

func TestFillFromStatus(t *testing.T) {
	status := []byte("Name:\tx\nUid:\t1000\t1001\t0\t0\nNSpid:\t40\t1\nTracerPid:\t7\nEmpty:\nLast: z")
	var p model.Process
	fillFromStatus(&p, status)
	if uid, ok := p.UID.Get(); !ok || uid != 1001 || p.Tracer != 7 || len(p.NSPIDs) != 2 || p.NSPIDs[1] != 1 {
		t.Errorf("got %+v", p)
	}
}

func FuzzFillFromStatus(f *testing.F) {
	f.Add([]byte("Name:\tx\nUid:\t1\t2\nNSpid:\t40\t1\n"))
	f.Fuzz(func(_ *testing.T, status []byte) {
		var p model.Process
		fillFromStatus(&p, status)
	})
}

// A text that is the same as the last one is not parsed again, but a different one is.
func TestCgroupOfAnother(t *testing.T) {
	var sc scratch
	for _, c := range []struct{ text, want string }{{"0::/a\n", "/a"}, {"0::/a\n", "/a"}, {"0::/b\n", "/b"}, {"", ""}, {"0::/a\n", "/a"}} {
		if got := sc.cgroupOf([]byte(c.text)); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
	text := []byte("0::/a\n")
	if n := testing.AllocsPerRun(100, func() { sc.cgroupOf(text) }); n != 0 {
		t.Errorf("the same text once more allocates %.0f times", n)
	}
}
