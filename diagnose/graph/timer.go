package graph

import (
	"cmp"
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
)

// unset reports whether a timerfd is known not to be armed. Then only a process that holds it can
// make it expire, by arming it (timerfd_create(2)).
func unset(o *model.Object) bool {
	d, ok := o.Detail.(*model.TimerfdDetail)
	// With TFD_TIMER_CANCEL_ON_SET a read also returns when the clock is set, armed or not.
	return ok && d.Remaining == model.Some[int64](0) && d.Interval == model.Some[int64](0) && d.Ticks == model.Some[int64](0) &&
		!slices.Contains(d.Flags, "TFD_TIMER_CANCEL_ON_SET")
}

// timer fills in the clause of a wait for a timerfd.
func (g *Graph) timer(c *Clause, o *model.Object) {
	if unset(o) {
		c.How = "can set the timer"
		g.holders(c, o, anySide)
		return
	}
	c.weaken(External, cmp.Or(expiryText(o), "it is a timer"))
}

// readsTimer returns the timerfd from which a thread reads; nil: none.
func (g *Graph) readsTimer(w *model.Wait) *model.Object {
	if o := g.Object(w.Object); w.Needs == model.NeedsTime && o != nil && o.Kind == model.Timerfd {
		return o
	}
	return nil
}

// readsUnset reports whether a thread reads from a timerfd that is not armed.
func (g *Graph) readsUnset(w *model.Wait) bool {
	o := g.readsTimer(w)
	return o != nil && unset(o)
}

// wantsTime describes a wait for time to pass.
func (g *Graph) wantsTime(w *model.Wait) string {
	switch o := g.readsTimer(w); {
	case o == nil:
		return "sleeps"
	case unset(o):
		return "waits for the timer " + labelOf(o) + ", which is not set"
	}
	return "waits for a timer"
}

// expiryText says when a timerfd expires; "" if that is not known.
func expiryText(o *model.Object) string {
	if left := timeLeft(o); left > 0 {
		return "its timer goes off in " + brief(left)
	}
	return ""
}

// timeLeft returns the time until a timerfd expires; 0: it is not armed, or that is not known.
func timeLeft(o *model.Object) time.Duration {
	if d, ok := o.Detail.(*model.TimerfdDetail); ok {
		return time.Duration(d.Remaining.Or(0))
	}
	return 0
}

// firstExpiry says when the first timer in a set expires; "" if none is known to expire.
func (g *Graph) firstExpiry(ids []string) string {
	var first *model.Object
	for _, id := range ids {
		if o := g.Object(id); o != nil && timeLeft(o) > 0 && (first == nil || timeLeft(o) < timeLeft(first)) {
			first = o
		}
	}
	if first == nil {
		return ""
	}
	return expiryText(first)
}
