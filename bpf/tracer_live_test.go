package bpf_test

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/ipctop/ipctop/bpf"
)

// TestTracerCountsWhatIsLost sends more signals than there is room for, without
// reading any meanwhile.
func TestTracerCountsWhatIsLost(t *testing.T) {
	open(t).Close() // or skip
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	tr, err := bpf.OpenTracer(bpf.TraceOptions{Signals: 1 << (syscall.SIGWINCH - 1), PIDs: []int{cmd.Process.Pid}, Self: true})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	const sent = 20000
	for range sent {
		if err := cmd.Process.Signal(syscall.SIGWINCH); err != nil {
			t.Fatal(err)
		}
	}
	told := 0
	for {
		e, err := tr.Next(time.Now().Add(time.Millisecond))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if s := e.(*bpf.Signal); s.To.PID != cmd.Process.Pid || s.Result != bpf.SignalIgnored {
			t.Fatalf("it tells %+v", s)
		}
		told++
	}
	if lost := tr.Lost(); lost == 0 || uint64(told)+lost != sent {
		t.Errorf("of %d signals it told %d and lost %d", sent, told, lost)
	}
}
