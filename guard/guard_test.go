package guard

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestGuardGivesUpWhatIsStuck(t *testing.T) {
	g := New()
	g.deadline = 20 * time.Millisecond
	release := make(chan struct{})
	var skipped []int
	var done [10]int
	run := func() {
		g.Each(len(done), 2, func(i int) Item { return Item{Key: i} }, func(task *Task, i int) func() {
			if !task.Begin("read", 0) {
				return func() { skipped = append(skipped, i); done[i]++ }
			}
			if i == 3 {
				<-release
			}
			task.End()
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

func TestGuardStopsTryingWhenFourThreadsAreStuck(t *testing.T) {
	g := New()
	g.deadline = 10 * time.Millisecond
	release := make(chan struct{})
	var entered atomic.Int32
	g.Each(50, 3, func(i int) Item { return Item{Key: i} }, func(task *Task, i int) func() {
		if task.Begin("read", 0) {
			entered.Add(1)
			<-release
			task.End()
		}
		return nil
	})
	// The fifth operation waits until it is known whether the others are stuck.
	// Only operations that begin before that can be suspected get through.
	if n := entered.Load(); n < maxStuck || n > 5*maxStuck {
		t.Errorf("%d operations were tried, want about %d", n, maxStuck)
	}
	close(release)
}

// If several items hang, they are waited for at the same time, even with a single
// worker.
func TestGuardWaitsForAllAtOnce(t *testing.T) {
	g := New()
	g.deadline = time.Second
	release := make(chan struct{})
	defer close(release)
	var entered atomic.Int32
	fewest := int32(100)
	g.Each(20, 1, func(i int) Item { return Item{Key: i} }, func(task *Task, i int) func() {
		if !task.Begin("read", 0) { // the first was given up
			n := entered.Load()
			return func() { fewest = min(fewest, n) }
		}
		if i%8 == 3 {
			entered.Add(1)
			<-release
		}
		task.End()
		return nil
	})
	if fewest < 2 {
		t.Errorf("when the first was given up %d operation was under way, want those that hang at the same time", fewest)
	}
}

// An item on which several operations hang, one after the other, costs little
// more than an item on which one hangs.
func TestGuardGivesLessEachTime(t *testing.T) {
	g := New()
	g.deadline = 64 * time.Millisecond
	release := make(chan struct{})
	defer close(release)
	var mu sync.Mutex
	var limits []time.Duration
	for range 2 { // it is remembered from one scan to the next
		g.Each(1, 1, func(int) Item { return Item{Key: "item"} }, func(task *Task, _ int) func() {
			for n := range int32(3) {
				if !task.Begin("read", n) {
					continue
				}
				mu.Lock()
				limits = append(limits, g.limit("item"))
				mu.Unlock()
				<-release
			}
			return nil
		})
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []time.Duration{64 * time.Millisecond, 16 * time.Millisecond, 4 * time.Millisecond}; !slices.Equal(limits, want) {
		t.Errorf("the limits were %v, want %v", limits, want)
	}
}

// When an inner operation ends, the outer one is still guarded.
func TestNestedOperations(t *testing.T) {
	g := New()
	g.deadline = 20 * time.Millisecond
	release := make(chan struct{})
	defer close(release)
	var tried atomic.Int32
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		g.Each(1, 1, func(int) Item { return Item{Key: "item"} }, func(task *Task, _ int) func() {
			if !task.Begin("outer", 0) {
				return nil
			}
			defer task.End()
			tried.Add(1)
			if task.Begin("inner", 0) {
				task.End()
			}
			<-release // stuck in the outer operation
			return nil
		})
	}()
	select {
	case <-finished:
	case <-time.After(time.Minute):
		t.Fatal("what is stuck after a nested operation has ended is waited for")
	}
	if tried.Load() != 1 || !g.Skips(Item{Key: "item"}, "outer", 0) || g.Skips(Item{Key: "item"}, "inner", 0) {
		t.Errorf("tried %d times; outer skipped: %v, inner skipped: %v", tried.Load(), g.Skips(Item{Key: "item"}, "outer", 0), g.Skips(Item{Key: "item"}, "inner", 0))
	}
}

// A process that is stopped for an hour has not waited for an hour.
func TestDeadlineCountsTimeInWhichItRan(t *testing.T) {
	g := New()
	task := g.Task(Item{Key: "item"})
	at := task.clock.last
	advance := func() time.Duration {
		task.clock.tick(at)
		return task.clock.Now()
	}
	task.Begin("operation", 0)
	task.doing.tid = 0 // no thread moves
	at = at.Add(time.Hour)
	if gaveUp, _ := task.timeOut(advance()); gaveUp {
		t.Fatal("given up after this process had been stopped")
	}
	for n := 0; ; n++ {
		at = at.Add(g.deadline / slowFraction)
		gaveUp, _ := task.timeOut(advance())
		if gaveUp && n >= slowFraction/2 {
			return
		}
		if gaveUp || n > 2*slowFraction {
			t.Fatalf("given up: %v, after %d looks; the deadline is %d", gaveUp, n, slowFraction)
		}
	}
}

// An operation that has just begun at the first check is not slow; at the second check it is.
func TestSlowAtTheSecondLook(t *testing.T) {
	g := New()
	task := g.Task(Item{Key: "item"})
	task.Begin("operation", 0)
	task.doing.tid = 0 // no thread moves
	for look, want := range []bool{false, true} {
		task.clock.tick(task.clock.last.Add(task.clock.period))
		if gaveUp, slow := task.timeOut(task.clock.Now()); gaveUp || slow != want {
			t.Errorf("look %d: given up: %v, slow: %v, want %v", look+1, gaveUp, slow, want)
		}
	}
}

// The time of an inner operation does not count for the outer one.
func TestNestedOperationsHaveTheirOwnTime(t *testing.T) {
	g := New()
	task := g.Task(Item{Key: "item"})
	task.Begin("outer", 0)
	begun := task.doing.since
	task.Begin("inner", 0)
	if gaveUp, _ := task.timeOut(begun + g.deadline - 1); gaveUp {
		t.Error("given up before its time")
	}
	task.clock.tick(task.clock.last.Add(time.Millisecond))
	task.End()
	if task.doing.op != "outer" || task.doing.since <= begun {
		t.Errorf("after the inner one has ended: %+v", task.doing)
	}
	task.End()
	if task.doing.op != "" {
		t.Errorf("after both have ended: %+v", task.doing)
	}
}

// TestEachTaskOfItsOwn lets the work on an item leave an operation without an end: the next item on
// the same thread does not inherit it.
func TestEachTaskOfItsOwn(t *testing.T) {
	New().Each(3, 1, func(i int) Item { return Item{Key: i} }, func(task *Task, i int) func() {
		if task.doing.op != "" || len(task.outer) > 0 || task.item.Key != i {
			t.Errorf("item %d begins with %+v in %+v, on item %v", i, task.doing, task.outer, task.item.Key)
		}
		task.SetItem(Item{Key: "other"})
		task.Begin("stat", 1)
		task.Begin("stat", 2)
		return nil
	})
}
