package diagnose

import (
	"math"
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
)

// aged reports whether two samples confirmed a wait and it has lasted for at least MinAge.
func (v *view) aged(w *model.Wait) bool {
	if !w.Confirmed {
		return false
	}
	age, ok := w.BlockedFor.Get()
	return ok && time.Duration(age) >= v.MinAge || v.MinAge == 0
}

// began returns when a wait began; zero if that is not known.
func (v *view) began(w *model.Wait) time.Time {
	age, ok := w.BlockedFor.Get()
	if !ok || v.Taken.IsZero() {
		return time.Time{}
	}
	return v.Taken.Add(-time.Duration(age))
}

// earliest returns the earliest of the known times; zero if none is known.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// asleep returns for how long no thread of a process has run, and whether that is known: all
// threads must be known to wait. A stopped, traced or frozen process does not run, but it is
// not known for how long.
func (v *view) asleep(pid int) (time.Duration, bool) {
	p := v.processes[pid]
	if p == nil {
		return 0, false
	}
	if halted(p) {
		return math.MaxInt64, true
	}
	waits := v.waitsOf[pid]
	if len(waits) < p.Threads {
		return 0, false
	}
	least := time.Duration(math.MaxInt64)
	for _, w := range waits {
		age, ok := w.BlockedFor.Get()
		if !ok || !w.Confirmed {
			return 0, false
		}
		least = min(least, time.Duration(age))
	}
	return least, true
}

// idleFor reports whether no thread of a process has run for at least MinAge.
func (v *view) idleFor(pid int) bool {
	d, ok := v.asleep(pid)
	return ok && d >= v.MinAge
}

// halted reports whether a process cannot run: it is stopped, traced, frozen or dead.
func halted(p *model.Process) bool { return p.State == "T" || p.State == "t" || p.Frozen || dead(p) }

// doing says in a few words what a process does.
func (v *view) doing(pid int) string {
	p := v.processes[pid]
	if p == nil {
		return "unknown"
	}
	switch {
	case p.State == "T":
		return "stopped"
	case p.State == "t":
		return "traced"
	case p.Frozen:
		return "frozen"
	case dead(p):
		return "ended"
	case p.State == "R":
		return "running"
	}
	for _, w := range v.waitsOf[pid] {
		if w.TID == pid {
			switch {
			case w.Object != "":
				return "waits in " + w.Call + " on " + w.Object
			default:
				return "waits in " + w.Call
			}
		}
	}
	if p.State == "D" {
		return "on disk"
	}
	return "sleeping"
}

// root returns a process as a root cause.
func (v *view) root(pid int, doing string) *model.Root {
	return &model.Root{PID: pid, Comm: v.graph.Comm(pid), Doing: doing}
}

// holders returns the pids that hold an object, sorted and without duplicates.
func holders(o *model.Object, fits func(*model.Holder) bool) []int {
	var pids []int
	for i := range o.Holders {
		if h := &o.Holders[i]; h.PID != 0 && (fits == nil || fits(h)) {
			pids = append(pids, int(h.PID))
		}
	}
	return set(pids)
}

// awaited returns the objects for which threads wait, in the snapshot's order.
func (v *view) awaited() []*model.Object {
	if v.waited == nil {
		v.waited = []*model.Object{}
		for id := range v.waitsOn {
			if o := v.graph.Object(id); o != nil {
				v.waited = append(v.waited, o)
			}
		}
		slices.SortFunc(v.waited, model.CompareObjects)
	}
	return v.waited
}

// latestOf returns when the last of the waits began. For a deadlock that is when the cycle closed.
func latestOf(v *view, waits []*model.Wait) time.Time {
	var times []time.Time
	for _, w := range waits {
		times = append(times, v.began(w))
	}
	return latest(times...)
}

// step returns a wait as a step of a chain.
func (v *view) step(w *model.Wait, object, relation string) model.Step {
	return model.Step{PID: w.PID, TID: w.TID, Comm: v.graph.Comm(w.PID), Object: object, Relation: relation}
}
