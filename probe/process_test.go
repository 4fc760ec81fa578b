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
