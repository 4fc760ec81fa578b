package guard

import (
	"sync/atomic"
	"time"
)

// Clock is a clock that stands still while this process gets no time to run: while it
// is stopped, over the quota of its control group, or on an overloaded machine. If
// something takes long on this clock, it is slow for another reason. [Clock.Tick]
// advances the clock.
type Clock struct {
	last   time.Time
	period time.Duration
	ran    atomic.Int64 // nanoseconds
}

// NewClock starts a clock that must be advanced every period.
func NewClock(period time.Duration) *Clock { return &Clock{last: time.Now(), period: period} }

// Now returns how long the process has run since the clock was started, as of the last tick.
func (c *Clock) Now() time.Duration { return time.Duration(c.ran.Load()) }

// Tick must be called by one goroutine every period. If a call comes much later, the process
// did not run meanwhile.
func (c *Clock) Tick() { c.tick(time.Now()) }

func (c *Clock) tick(now time.Time) {
	c.ran.Add(int64(max(0, min(now.Sub(c.last), 2*c.period))))
	c.last = now
}

// Within waits until done or stop is closed, or until this process has run for d. It
// reports whether done was closed.
func Within(d time.Duration, done, stop <-chan struct{}) bool {
	c := NewClock(min(d/slowFraction+1, Deadline/slowFraction))
	ticker := time.NewTicker(c.period)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return true
		case <-stop:
			return false
		case <-ticker.C:
			if c.Tick(); c.Now() >= d {
				return false
			}
		}
	}
}
