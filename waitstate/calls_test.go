//go:build amd64 || arm64

package waitstate_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ipctop/ipctop/fdscan/pipes"
	"github.com/ipctop/ipctop/fdscan/sockets"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/sysv"
)

// TestCalls makes a program wait in each call and compares the result.
func TestCalls(t *testing.T) {
	program := compile(t, "gcc", "testdata/waits.c", "-O1", "-pthread", "-w")
	for _, tt := range []struct {
		name, call, needs string
		object            string // its kind; the program prints its number
		set, idle         bool
		unknown           bool
		check             func(*model.Wait, int) bool
	}{
		{name: "read", call: "read", needs: "data", object: "pipe"},
		{name: "readv", call: "readv", needs: "data", object: "pipe"},
		{name: "write", call: "write", needs: "space", object: "pipe"},
		{name: "splice", call: "splice", needs: "data", object: "pipe", set: true},
		{name: "poll", call: "p", needs: "event", object: "pipe", set: true, idle: true},
		{
			name: "poll-timeout", call: "p", needs: "event", object: "pipe", set: true, idle: true, unknown: true,
			check: func(w *model.Wait, _ int) bool { return w.Timeout.Or(0) > 900e9 && w.Timeout.Or(0) <= 1000e9 },
		},
		{name: "select", call: "pselect6", needs: "event", object: "pipe", set: true, idle: true},
		{name: "epoll", call: "epoll_", needs: "event", object: "pipe", set: true, idle: true},
		{name: "recv", call: "recvfrom", needs: "data", object: "unix"},
		{name: "accept", call: "accept", needs: "peer", idle: true, unknown: true},
		{
			name: "msgrcv", call: "msgrcv", needs: "message", object: "sysv-msg", unknown: true,
			check: func(w *model.Wait, _ int) bool { return w.Target.MessageType == model.Some(7) },
		},
		{
			name: "semop", call: "sem", needs: "lock", object: "sysv-sem", unknown: true,
			check: func(w *model.Wait, _ int) bool { return slices.Equal(w.Target.Operations, []string{"1:-2 SEM_UNDO"}) },
		},
		{name: "flock", call: "flock", needs: "lock", unknown: true, check: func(w *model.Wait, _ int) bool { return w.Target.Mode == "WRITE" }},
		{
			name: "fcntl", call: "fcntl", needs: "lock", unknown: true,
			check: func(w *model.Wait, _ int) bool { return w.Target.Mode == "WRITE" && w.Target.Range == "10-14" },
		},
		{name: "wait4", call: "wait4", needs: "child", check: childIs},
		{name: "waitid", call: "waitid", needs: "child", check: childIs},
		{
			name: "sigwait", call: "rt_sigtimedwait", needs: "signal", idle: true, unknown: true,
			check: func(w *model.Wait, _ int) bool { return len(w.Target.Signals) == 62 && w.Target.Signals[1] == "SIGINT" },
		},
		{name: "sleep", call: "clock_nanosleep", needs: "time", idle: true, unknown: true, check: func(w *model.Wait, _ int) bool {
			return w.Timeout.Or(0) > 900e9
		}},
		{name: "open", call: "open", needs: "peer", unknown: true, check: func(w *model.Wait, _ int) bool { return w.Target.Path != "" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, tid, what, _ := startLock(t, program, tt.name)
			_, w := waitFor(t, tid, tt.call, pipes.Pipe(), sockets.Unix(), sysv.Msg(), sysv.Sem())
			if w.Needs != tt.needs || w.Idle != tt.idle || tt.unknown && !w.UnknownRelease {
				t.Errorf("got %+v", w)
			}
			if want := fmt.Sprintf("%s:%d", tt.object, what); tt.object != "" {
				if tt.set && (w.Object != "" || !slices.Contains(w.Objects, want)) || !tt.set && w.Object != want {
					t.Errorf("object %q of %q, want %q", w.Object, w.Objects, want)
				}
			}
			if age, ok := w.BlockedFor.Get(); !ok || age > 20e9 {
				t.Errorf("blocked for %v ns", w.BlockedFor)
			}
			if w.Target == nil {
				w.Target = new(model.Target)
			}
			if tt.check != nil && !tt.check(w, what) {
				t.Errorf("got %+v, target %+v", w, w.Target)
			}
		})
	}
}

func childIs(w *model.Wait, child int) bool {
	return w.Target.Child == model.Some(child) && len(w.Blockers) == 1 && w.Blockers[0].PID == child
}
