package diagnose

import (
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// TestFewZombies: a parent with few zombies does not reap them if it blocks SIGCHLD, or if it
// has slept for a long time in a wait that does not end when a child ends.
func TestFewZombies(t *testing.T) {
	deaf := &model.Signals{Blocked: []string{"SIGCHLD"}, SharedPending: []string{"SIGCHLD"}}
	for _, tt := range []struct {
		name    string
		signals *model.Signals
		wait    model.Wait
		found   bool
	}{
		{"deaf", deaf, model.Wait{Call: "read", Needs: "data", BlockedFor: model.Some(int64(2 * time.Second))}, true},
		{"deaf for a moment", deaf, model.Wait{Call: "read", Needs: "data", BlockedFor: model.Some(int64(time.Millisecond))}, false},
		{"takes signals by sigwait", deaf, model.Wait{Call: "rt_sigtimedwait", Needs: "signal", BlockedFor: model.Some(int64(time.Hour))}, false},
		{"waits for a child", nil, model.Wait{Call: "wait4", Needs: "child", BlockedFor: model.Some(int64(time.Hour))}, false},
		{"asleep for long", nil, model.Wait{Call: "read", Needs: "data", BlockedFor: model.Some(int64(time.Minute))}, true},
		{"asleep for a while", nil, model.Wait{Call: "read", Needs: "data", BlockedFor: model.Some(int64(5 * time.Second))}, false},
	} {
		m := newMachine().process(10, func(p *model.Process) { p.Signals = tt.signals })
		for pid := 11; pid < 14; pid++ {
			m.process(pid, func(p *model.Process) { p.PPID, p.State = 10, "Z" })
		}
		tt.wait.PID = 10
		m.wait(tt.wait)
		found := false
		for _, f := range Find(&m.Snapshot, Options{MinAge: DefaultMinAge}) {
			found = found || f.Rule == "zombies" && f.Root.PID == 10 && f.Severity == model.Info
		}
		if found != tt.found {
			t.Errorf("%s: found %v, want %v", tt.name, found, tt.found)
		}
	}
}
