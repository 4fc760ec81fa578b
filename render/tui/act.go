package tui

import (
	"errors"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render/live"
)

// Actor changes the machine on behalf of the user.
type Actor interface {
	// Hold takes hold of the process (pid, start ticks): from then on its pid
	// cannot become another's.
	Hold(pid int, startTicks uint64) (Held, error)

	// Remove removes an object that outlives those who use it.
	Remove(o *model.Object) error
}

// Held is a process that is held.
type Held interface {
	// Signal sends a signal by its name.
	Signal(name string) error

	// Close lets go of the process.
	Close() error
}

var errNoActor = errors.New("actions are not available here")

// maxActs bounds what waits to be done: a user cannot ask faster.
const maxActs = 64

// act has something done by the one goroutine that changes the machine, in the
// order in which it was asked for.
func (v *view) act(f func()) {
	select {
	case v.acts <- f:
	default: // it is stuck; the main loop must not be
	}
}

// actor does what was asked for, until the view ends. The processes that the
// user is choosing a signal for are its own.
func (v *view) actor() {
	defer v.letGo()
	for {
		select {
		case f := <-v.acts:
			f()
		case <-v.done:
			return
		}
	}
}

func (v *view) letGo() {
	for _, p := range v.held {
		_ = p.Close()
	}
	v.held = nil
}

// aim takes hold of all targets, or of none.
func (v *view) aim(e live.Aim) {
	if v.Actor == nil {
		v.post(post{event: live.Aimed{Err: errNoActor}})
		return
	}
	v.letGo()
	for _, t := range e.Targets {
		p, err := v.Actor.Hold(t.PID, t.Start)
		if err != nil {
			v.letGo()
			v.post(post{event: live.Aimed{Err: err}})
			return
		}
		v.held = append(v.held, p)
	}
	v.post(post{event: live.Aimed{}})
}

// fire sends a signal to what is held. What cannot be sent to one does not keep
// it from the others.
func (v *view) fire(e live.Fire) {
	var errs []error
	if len(v.held) == 0 {
		errs = append(errs, errNoActor)
	}
	for _, p := range v.held {
		errs = append(errs, p.Signal(e.Signal))
	}
	v.letGo()
	v.post(post{event: live.Done{What: e.What, Err: errors.Join(errs...)}})
}

func (v *view) remove(e live.Remove) {
	err := errNoActor
	if v.Actor != nil {
		err = v.Actor.Remove(e.Object)
	}
	v.post(post{event: live.Done{What: "Removal of " + e.What, Err: err}})
}
