package diagnose

import (
	"slices"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// TestResumeIsTried offers to let a stopped receiver go on, and none that runs.
func TestResumeIsTried(t *testing.T) {
	for _, tt := range []struct {
		name     string
		state    string
		received time.Time
		want     int
	}{
		{"stopped", "T", now, 1},
		{"sleeps", "S", now, 0},
		{"another process of that number", "T", before.Add(-time.Hour), 0},
	} {
		m := newMachine()
		m.process(5).process(6, func(p *model.Process) { p.State = tt.state })
		m.object("sysv-msg:1", model.SysvMsg, &model.SysvMsgDetail{LastRecvPID: model.Some(6), RecvTime: tt.received})
		m.wait(model.Wait{PID: 5, Call: "msgsnd", Needs: model.NeedsSpace, Object: "sysv-msg:1"})
		var actions []model.Action
		for _, f := range slices.Concat(m.found("queue-full"), m.found("holder-stopped")) {
			actions = append(actions, f.Actions...)
		}
		if len(actions) != tt.want || tt.want == 1 && !slices.Equal(actions[0].Argv, []string{"kill", "-CONT", "6"}) {
			t.Errorf("%s: %+v", tt.name, actions)
		}
	}
}
