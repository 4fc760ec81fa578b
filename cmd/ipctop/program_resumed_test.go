package main

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// After a stop, a call with a time limit continues as another call. The kernel does not show
// which call it was.
func TestProgramResumed(t *testing.T) {
	for _, tt := range []struct {
		argv        []string
		needs, want string
	}{
		{[]string{"sh", "-c", "echo; exec sleep 1000"}, model.NeedsTime, "sleeps"},
		{[]string{"python3", "-c", "import select; print(flush=True); select.poll().poll(1000000)"}, model.NeedsEvent, "waits on after a stop"},
	} {
		p := startReal(t, tt.argv...)
		p.line(t)
		time.Sleep(200 * time.Millisecond)
		for _, s := range []unix.Signal{unix.SIGSTOP, unix.SIGCONT} {
			if err := unix.Kill(p.pid, s); err != nil {
				t.Fatal(err)
			}
			time.Sleep(200 * time.Millisecond)
		}
		snap := newScan(t)
		seen := false
		for i := range snap.Waits {
			w := &snap.Waits[i]
			if w.PID != p.pid || w.Call != "restart_syscall" {
				continue
			}
			seen = true
			text := graph.New(model.NewIndex(snap)).Wants(w)
			if w.Needs != tt.needs || w.Timed != model.Some(true) || !strings.HasPrefix(text, tt.want) {
				t.Errorf("%q: %s, needs %s, time limit %v", tt.argv, text, w.Needs, w.Timed)
			}
		}
		if !seen {
			t.Errorf("%q: it is not seen to wait", tt.argv)
		}
	}
}
