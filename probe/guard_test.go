package probe

import (
	"sync/atomic"
	"testing"
	"time"
)

func TestGuardGivesUpWhatIsStuck(t *testing.T) {
	g := newGuard()
	g.deadline = 20 * time.Millisecond
	release := make(chan struct{})
	var skipped []int
	var done [10]int
	run := func() {
		g.each(len(done), 2, func(i int) any { return i }, func(task *Task, i int) func() {
			if !task.Enter("read", 0) {
				return func() { skipped = append(skipped, i); done[i]++ }
			}
			if i == 3 {
				<-release
			}
			task.Leave()
			return func() { done[i]++ }
		})
	}
	run()
	run() // the second run must not try item 3 again
	close(release)
	if len(skipped) != 2 || skipped[0] != 3 || skipped[1] != 3 {
		t.Errorf("skipped %v, want item 3 in both runs", skipped)
	}
	for i, n := range done {
		if n != 2 {
			t.Errorf("item %d was committed %d times in two runs", i, n)
		}
	}
}

func TestGuardStopsTryingWhenFourThreadsAreLost(t *testing.T) {
	g := newGuard()
	g.deadline = 10 * time.Millisecond
	release := make(chan struct{})
	var entered atomic.Int32
	g.each(50, 3, func(i int) any { return i }, func(task *Task, i int) func() {
		if task.Enter("read", 0) {
			entered.Add(1)
			<-release
			task.Leave()
		}
		return nil
	})
	// Three workers get stuck together, then those that replace them: the
	// bound is checked on entry, so no more than two full rounds get in.
	if n := entered.Load(); n < maxLost || n > maxLost+2 {
		t.Errorf("%d operations were tried, want about %d", n, maxLost)
	}
	close(release)
}
