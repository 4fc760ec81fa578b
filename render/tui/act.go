package tui

import (
	"errors"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render/live"
)

// Actor changes the machine on behalf of the user.
type Actor interface {
	// Hold opens a pidfd for the process (pid, start ticks), so that a signal cannot reach
	// another process with the same pid.
	Hold(pid int, startTicks uint64) (Held, error)

	// Remove removes an object that outlives its users.
	Remove(o *model.Object) error
}

// Held is a process that is held by a pidfd.
type Held interface {
	// Signal sends a signal by its name.
	Signal(name string) error

	// Close closes the pidfd.
	Close() error
}

var errNoActor = errors.New("actions are not available here")

// maxActs is the length of the queue of actions: a user cannot ask faster.
const maxActs = 64

// act queues an action for the only goroutine that changes the machine. Actions are done in
// the order in which they were queued.
func (v *view) act(f func()) {
	select {
	case v.acts <- f:
	default: // that goroutine is stuck; the main loop must not get stuck as well
	}
}

// actor carries out the queued actions until the view ends. Only it may use the held
// processes.
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

// aim opens pidfds for all targets, or for none.
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

// fire sends a signal to the held processes. If it fails for one, it is still sent to the
// others.
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
