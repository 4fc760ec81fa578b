package tui

import (
	"syscall"
	"time"

	"github.com/ipctop/ipctop/model"
)

// cost measures how much processor time ipctop itself uses.
type cost struct {
	at  time.Time
	cpu time.Duration
}

// since returns the share of one processor that ipctop, with the processes it has started,
// has used since the last call; unknown on the first call.
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
