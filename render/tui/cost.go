package tui

import (
	"syscall"
	"time"

	"github.com/ipctop/ipctop/model"
)

// cost measures what ipctop itself costs the machine.
type cost struct {
	at  time.Time
	cpu time.Duration
}

// since returns the share of one processor that ipctop, with the processes it
// has started, took since it was asked last; unknown the first time.
func (c *cost) since() model.Opt[float64] {
	now := cost{at: time.Now()}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) != nil {
			return model.Opt[float64]{}
		}
		now.cpu += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := *c
	*c = now
	if wall := now.at.Sub(before.at); !before.at.IsZero() && wall > 0 {
		return model.Some(float64(now.cpu-before.cpu) / float64(wall))
	}
	return model.Opt[float64]{}
}
