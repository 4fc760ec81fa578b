package diagnose

import (
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// ring returns two processes, each of which has the lock that the other one wants; they have
// waited for age. complete says whether all holders are known.
func ring(age time.Duration, complete bool) *model.Snapshot {
	m := newMachine()
	m.Processes = []*model.Process{}
	for i, pid := range []int{10, 20} {
		m.process(pid, func(p *model.Process) { p.Signals = &model.Signals{Caught: []string{}} })
		id, other := []string{"file:a", "file:b"}[i], []string{"file:b", "file:a"}[i]
		m.object(id, model.File, &model.FileDetail{Locks: []model.Lock{{Type: "flock", Mode: "WRITE", Holders: []int{pid}}}}, func(o *model.Object) { o.HoldersComplete = complete })
		m.wait(model.Wait{
			PID: pid, Call: "flock", Needs: model.NeedsLock, Object: other, Timed: model.Some(false), BlockedFor: model.Some(int64(age)),
			Target: &model.Target{LockType: "flock", Mode: "WRITE", Range: "0-EOF", FD: model.Some(4)},
		})
	}
	return &m.Snapshot
}

func deadlocks(list []model.Finding) (found []model.Finding) {
	for _, f := range list {
		if f.Rule == "deadlock" {
			found = append(found, f)
		}
	}
	return found
}

// TestDeadlockAge: a deadlock that is not certain is reported only after some time, and one
// that is only possible is a warning.
func TestDeadlockAge(t *testing.T) {
	unlisted := func(s *model.Snapshot) *model.Snapshot {
		s.Gaps = append(s.Gaps, ownNamespace)
		return s
	}
	ageless := func(s *model.Snapshot) *model.Snapshot {
		s.Waits[0].BlockedFor = model.Opt[int64]{}
		return s
	}
	for _, tt := range []struct {
		name string
		s    *model.Snapshot
		want string // severity and confidence; "": nothing
	}{
		{"certain and young", ring(10*time.Millisecond, true), "critical certain"},
		{"likely and young", unlisted(ring(2*time.Second, false)), ""},
		{"likely", unlisted(ring(4*time.Second, false)), "critical likely"},
		{"possible and young", ring(2*time.Second, false), ""},
		{"possible", ring(4*time.Second, false), "warning possible"},
		{"likely, and of one the age is not known", ageless(unlisted(ring(4*time.Second, false))), "warning possible"},
	} {
		got := ""
		for _, f := range deadlocks(Find(tt.s, Defaults())) {
			got = string(f.Severity) + " " + string(f.Confidence)
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestSequence: an uncertain deadlock is reported only the second time.
func TestSequence(t *testing.T) {
	q := Sequence{Options: Defaults()}
	for i, tt := range []struct {
		complete bool
		age      time.Duration
		want     int
	}{
		{false, time.Minute, 0},
		{false, time.Minute, 1},
		{false, time.Second, 0}, // one of them has run
		{false, time.Minute, 0},
		{false, time.Minute, 1},
		{true, time.Second, 1}, // certain
	} {
		s := ring(tt.age, tt.complete)
		q.Run(s)
		if got := len(deadlocks(s.Findings)); got != tt.want {
			t.Errorf("snapshot %d: %d deadlocks, want %d", i, got, tt.want)
		}
	}
}

// TestAdviceIsTried: it is offered to end only processes whose end releases somebody, and the
// advice says whom.
func TestAdviceIsTried(t *testing.T) {
	s := ring(time.Minute, true)
	list := deadlocks(Find(s, Defaults()))
	if len(list) != 1 || len(list[0].Actions) != 2 || list[0].Actions[0].Effect != "asks p10(10) to end; when it does, its locks are released; p20(20) goes on" {
		t.Errorf("got %+v", list)
	}
}
