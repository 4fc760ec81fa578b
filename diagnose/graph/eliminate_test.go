package graph

import (
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestOnlyHalted: who reads from a pipe waits for a stopped writer only if all writers are
// stopped, or wait for such.
func TestOnlyHalted(t *testing.T) {
	stop := func(s *model.Snapshot, pids ...int) {
		for _, p := range s.Processes {
			for _, pid := range pids {
				if p.PID == pid {
					p.State = "T"
					for i := range p.ThreadList {
						p.ThreadList[i].State = "T"
					}
				}
			}
		}
	}
	reads := func(pid int, object string, timed bool) model.Wait {
		return model.Wait{
			PID: pid, TID: pid, Call: "read", Needs: model.NeedsData, Object: object, Confirmed: true, Timed: model.Some(timed), BlockedFor: model.Some(int64(1)),
		}
	}
	for _, tt := range []struct {
		name    string
		stopped []int
		timed   bool
		more    []model.Wait
		want    bool
	}{
		{"nobody", nil, false, nil, false},
		{"one of two writers", []int{20}, false, nil, false},
		{"both writers", []int{20, 30}, false, nil, true},
		{"both writers, with a time limit", []int{20, 30}, true, nil, true},
		{"one, for whom the other waits", []int{30}, false, []model.Wait{reads(20, "pipe:1", false)}, true},
	} {
		s := machine()
		stop(s, tt.stopped...)
		s.Waits = append([]model.Wait{reads(10, "pipe:1", tt.timed)}, tt.more...)
		if got := New(model.NewIndex(s)).OnlyHalted(&s.Waits[0]); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
