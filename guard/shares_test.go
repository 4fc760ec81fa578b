package guard

import (
	"sync/atomic"
	"testing"
	"time"
)

// hang makes operations on n items get stuck, each with the owner that of returns,
// and reports on how many they were tried.
func hang(t *testing.T, g *Guard, op string, n int, release chan struct{}, of func(i int) Owner) int {
	t.Helper()
	var tried atomic.Int32
	g.Each(n, 2, func(i int) Item { return Item{Key: [2]any{op, i}, Owner: of(i)} }, func(task *Task, _ int) func() {
		if task.Begin(op, 0) {
			tried.Add(1)
			<-release
			task.End()
		}
		return nil
	})
	return int(tried.Load())
}

func user(uid uint32) func(int) Owner { return func(int) Owner { return Owner{UID: uid} } }

// However many operations of one user hang, those of other users are done.
func TestOneUserUsesUpNothingOfOthers(t *testing.T) {
	g := New()
	g.deadline = 10 * time.Millisecond
	release := make(chan struct{})
	defer close(release)
	for _, op := range []string{"cmdline", "kcmp", "fdinfo", "stat path"} {
		hang(t, g, op, 20, release, user(1000))
	}
	if g.stuckThreads.user[1000] < maxStuckUser {
		t.Fatalf("%d threads are stuck, which is not all that may be", g.stuckThreads.user[1000])
	}
	read := 0
	g.Each(40, 2, func(i int) Item { return Item{Key: i, Owner: Owner{UID: uint32(1000 + i%2)}} }, func(task *Task, i int) func() {
		ok := task.Begin("cmdline", 0)
		if ok {
			task.End()
		}
		return func() {
			switch {
			case ok && i%2 == 0:
				t.Errorf("item %d of the user of whom too much is stuck was tried", i)
			case ok:
				read++
			}
		}
	})
	if read != 20 {
		t.Errorf("%d of 20 items of the other user were read", read)
	}
}

// If one kind of operation gets stuck, other kinds are still allowed for the same user.
func TestKindsAreCountedApart(t *testing.T) {
	g := New()
	g.deadline = 10 * time.Millisecond
	release := make(chan struct{})
	defer close(release)
	if tried := hang(t, g, "fill", 20, release, user(1000)); tried > maxStuck+1 {
		t.Errorf("%d operations were tried, want %d", tried, maxStuck)
	}
	item := Item{Key: "another", Owner: Owner{UID: 1000}}
	if !g.Skips(item, "fill", 0) || g.Skips(item, "cmdline", 0) {
		t.Errorf("skipped: fill %v, cmdline %v", g.Skips(item, "fill", 0), g.Skips(item, "cmdline", 0))
	}
}

// Many users together cannot use up threads without limit, nor those of root.
func TestManyUsersTogether(t *testing.T) {
	g := New()
	g.deadline = 10 * time.Millisecond
	release := make(chan struct{})
	defer close(release)
	tried := hang(t, g, "fill", 10*maxStuckUsers, release, func(i int) Owner { return Owner{UID: uint32(1000 + i)} })
	if tried < maxStuckUsers || tried > 2*maxStuckUsers {
		t.Errorf("%d operations were tried, want about %d", tried, maxStuckUsers)
	}
	if g.Skips(Item{Key: "root's"}, "fill", 0) {
		t.Error("root's are skipped, too")
	}
}

// Users who have the same account share its limits.
func TestAccounts(t *testing.T) {
	g := New().WithAccounts(func(o Owner) uint32 { return o.UID / 100000 })
	g.deadline = 10 * time.Millisecond
	release := make(chan struct{})
	defer close(release)
	tried := hang(t, g, "fill", 50, release, func(i int) Owner { return Owner{UID: uint32(100000 + i)} })
	if tried > 3*maxStuck || !g.Skips(Item{Key: "another", Owner: Owner{UID: 100999}}, "fill", 0) {
		t.Errorf("%d operations were tried", tried)
	}
}

// When a thread comes back, the counts are decreased.
func TestSharesComeBack(t *testing.T) {
	g := New()
	g.deadline = 10 * time.Millisecond
	release := make(chan struct{})
	hang(t, g, "fill", maxStuck, release, user(1000))
	close(release)
	item := Item{Key: "another", Owner: Owner{UID: 1000}}
	for end := time.Now().Add(time.Minute); g.Skips(item, "fill", 0); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is skipped although nothing is stuck any more")
		}
	}
}

// A user whose operations are always late is not waited for without end, and only that
// user is skipped; in the next round the user is asked again.
func TestSlowUserHasABudget(t *testing.T) {
	g := New()
	task := g.Task(Item{Key: "item", Owner: Owner{UID: 1000}})
	task.tid = -1 // no thread moves
	n := 0
	for ; n < 3*slowBudget && task.Begin("read", int32(n)); n++ {
		for range 3 * slowFraction / 4 {
			task.clock.tick(task.clock.last.Add(task.clock.period))
			if gaveUp, _ := task.timeOut(task.clock.Now()); gaveUp {
				t.Fatal("what took less than the deadline was given up")
			}
		}
		task.End()
	}
	if n <= slowBudget || n > 2*slowBudget {
		t.Errorf("%d operations, each of three quarters of the deadline, were tried", n)
	}
	if g.Skips(Item{Key: "item", Owner: Owner{UID: 1001}}, "read", 0) {
		t.Error("another user's are skipped")
	}
	if g.NewRound(); !task.Begin("read", 0) {
		t.Error("it is skipped in the next round")
	}
}
