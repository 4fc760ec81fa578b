package guard

import (
	"sync/atomic"
	"time"
)

// Clock is a clock that stands still while this process gets no time to run: stopped,
// over the quota of its control group, or on a machine with too much to do. What takes
// long on it is slow for another reason. It is told of the time by [Clock.Tick].
type Clock struct {
	last   time.Time
	period time.Duration
	ran    atomic.Int64 // nanoseconds
}

// NewClock starts a clock that is told of the time every period.
func NewClock(period time.Duration) *Clock { return &Clock{last: time.Now(), period: period} }

// Now is how long the process has run since the clock was started, as of the last tick.
func (c *Clock) Now() time.Duration { return time.Duration(c.ran.Load()) }

// Tick is to be called by one goroutine every period. Where it comes much later, the process
// did not run meanwhile.
func (c *Clock) Tick() { c.tick(time.Now()) }

func (c *Clock) tick(now time.Time) {
	c.ran.Add(int64(max(0, min(now.Sub(c.last), 2*c.period))))
	c.last = now
}

// Within waits until done is closed, for as long as this process has run for d, or stop is
// closed. It reports whether done was.
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
