package guard

import (
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// While a process is stopped, or has no quota left, its clock stands still.
func TestClockStandsStill(t *testing.T) {
	const period = 10 * time.Millisecond
	c := NewClock(period)
	start := c.last
	c.tick(start.Add(period))
	c.tick(start.Add(2*period + period/2))
	if ran := c.Now(); ran != 2*period+period/2 {
		t.Errorf("%v where little was late", ran)
	}
	c.tick(start.Add(time.Hour))
	if ran := c.Now(); ran > 5*period {
		t.Errorf("it shows %v after the process was stopped", ran)
	}
}

// An operation that works is not stuck, even if it takes longer than its deadline.
func TestSlowIsNotStuck(t *testing.T) {
	g := New()
	g.deadline = 100 * time.Millisecond
	var rounds atomic.Int32
	g.Each(1, 1, func(int) Item { return Item{Key: "item"} }, func(task *Task, _ int) func() {
		rounds.Add(1)
		if !task.Begin("read", 0) {
			return nil
		}
		defer task.End()
		for end := time.Now().Add(3 * g.deadline); time.Now().Before(end); {
			var st unix.Stat_t
			_ = unix.Stat("/", &st)
		}
		return nil
	})
	if rounds.Load() != 1 || g.Skips(Item{Key: "item"}, "read", 0) {
		t.Errorf("%d rounds; left alone: %v", rounds.Load(), g.Skips(Item{Key: "item"}, "read", 0))
	}
}

// A call that does not return is given up, because its thread does not move.
func TestStuckCallIsGivenUp(t *testing.T) {
	g := New()
	g.deadline = 100 * time.Millisecond
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[1])
	g.Each(1, 1, func(int) Item { return Item{Key: "item"} }, func(task *Task, _ int) func() {
		if task.Begin("read", 0) {
			var b [1]byte
			_, _ = unix.Read(pipe[0], b[:])
			task.End()
		}
		return nil
	})
	if !g.Skips(Item{Key: "item"}, "read", 0) {
		t.Error("it was not given up")
	}
}

func TestWithin(t *testing.T) {
	done, stop := make(chan struct{}), make(chan struct{})
	if Within(time.Millisecond, done, stop) {
		t.Error("what never happens happened")
	}
	close(stop)
	if Within(time.Hour, done, stop) {
		t.Error("it did not stop")
	}
	close(done)
	if !Within(time.Hour, done, nil) {
		t.Error("what has happened did not")
	}
}
