package tracer

import (
	"testing"

	"github.com/ipctop/ipctop/bpf"
)

// TestEnded: the end of a process is reported once, even if two of its threads end at the same
// time. The end of a kernel thread, whose name is not remembered, is reported, too.
func TestEnded(t *testing.T) {
	n := newNames(nil)
	x := &bpf.Exit{Who: bpf.Party{PID: 1 << 30, TID: 1 << 30, InnerPID: 1 << 30, StartTicks: 5, Comm: "ended"}}
	if e := n.ended(x); e == nil || e.Target.Comm != "ended" {
		t.Errorf("a process: %+v", e)
	}
	if e := n.ended(x); e != nil {
		t.Errorf("a process, once more: %+v", e)
	}
	x = &bpf.Exit{Who: bpf.Party{PID: 7, TID: 7, InnerPID: 7, StartTicks: 1, Comm: "kworker/0:1", Kernel: true}}
	if e := n.ended(x); e == nil || e.Target.Comm != "kworker/0:1" {
		t.Errorf("a kernel thread: %+v", e)
	}
}
