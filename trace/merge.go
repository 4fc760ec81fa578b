package trace

import (
	"slices"
	"time"
)

// joinDelay is how long the event of a signal waits for the signal's delivery before it is
// reported without.
const joinDelay = 100 * time.Millisecond

// maxWaiting limits how many pending signals (blocked, for example) are remembered with the
// time they were sent.
const maxWaiting = 4096

// Taken says that a signal was delivered to a process.
type Taken struct {
	Time    time.Time
	Target  *Party
	Number  string        // of the signal
	Effect  string        // what the signal does to the process
	Ends    bool          // the process ends, whatever the signal: the kernel turns a fatal signal into SIGKILL
	Explain func() *Event // makes the event if the sending was not seen
}

// Joiner makes one event of the sending of a signal and its delivery. To each end of a connection, or
// of passed descriptors, it adds who is at the other end. Events come out ordered by time.
type Joiner struct {
	// StillExists reports whether a created object still exists. It is called when a process ends,
	// and is nil if that cannot be known.
	StillExists func(e *Event) bool

	// HoldsLease reports whether a process holds the lease that it requested in an event. It is called
	// a little after the request, and is nil if that cannot be known.
	HoldsLease func(e *Event) bool

	queue   []*Event
	waiting map[waitingKey]*Event
	order   []waitingKey // keys of waiting, the oldest first
	ends    ends
	locks   locks
	leases  requestedLeases
	created createdObjects
	ending  map[processKey]*Event // events of ended processes, not reported yet
	passed  []*Event              // messages of which only one side was seen, the oldest first
	robust  map[processKey]robustLocks
}

type waitingKey struct {
	pid, thread int
	signal      string
	start       uint64
}

func keyOf(e *Event) waitingKey {
	return waitingKey{e.Target.PID, e.Thread, e.Name, e.Target.StartTicks}
}

// Add adds an event. The fate of a signal that may still be delivered is [FateUnknown].
func (j *Joiner) Add(e *Event) { j.queue = append(j.queue, e) }

// Forget drops what is known of locks, objects and ends of connections. It is called after
// events were lost, as that knowledge may be out of date.
func (j *Joiner) Forget() {
	j.locks, j.created, j.ends, j.passed = locks{}, createdObjects{}, ends{}, nil
}

// Delivered adds the delivery of a signal.
func (j *Joiner) Delivered(t *Taken) {
	for _, e := range j.queue {
		if e.Event != SignalEvent || e.Fate != FateUnknown || !j.is(e, t) {
			continue
		}
		e.Fate, e.After = FateDelivered, max(t.Time.Sub(e.Time), 0)
		if !t.Ends {
			e.Effect = t.Effect // the effect may have changed since the signal was sent
		}
		if e.Effect == EffectNone {
			e.Fate = FateIgnored // it was blocked for a moment, so the kernel did not discard it at once
		}
		return
	}
	if sent := j.waitingFor(t); sent != nil {
		late := *sent
		signal := *sent.Signal
		late.Signal = &signal
		late.Event, late.Time, late.Fate, late.After = TakenEvent, t.Time, FateDelivered, max(t.Time.Sub(sent.Time), 0)
		if !t.Ends {
			late.Effect = t.Effect
		}
		j.queue = append(j.queue, &late)
		return
	}
	if t.Ends {
		return // it ends for another reason: the kernel sends SIGKILL to each of its threads
	}
	if e := t.Explain(); e != nil {
		j.queue = append(j.queue, e)
	}
}

// waitingFor removes and returns the signal that was reported as pending and is delivered now.
func (j *Joiner) waitingFor(t *Taken) *Event {
	for _, thread := range []int{0, t.Target.TID} {
		key := waitingKey{t.Target.PID, thread, t.Number, t.Target.StartTicks}
		if e := j.waiting[key]; e != nil {
			delete(j.waiting, key)
			return e
		}
	}
	if t.Ends {
		for key, e := range j.waiting {
			if e.Fate == FatePending && key.pid == t.Target.PID && j.is(e, t) {
				delete(j.waiting, key)
				return e
			}
		}
	}
	return nil
}

// OutOfMemory says that the OOM killer has just killed a process, running in the thread tid.
func (j *Joiner) OutOfMemory(tid int) {
	for _, e := range slices.Backward(j.queue) {
		if e.Event == SignalEvent && e.mayBeOOM() && e.Running.TID == tid {
			e.Cause = CauseOOM
			return
		}
	}
}

// mayBeOOM reports whether a signal may turn out to be from the OOM killer.
func (e *Event) mayBeOOM() bool {
	return e.Cause == CauseKernel && e.Name == "SIGKILL" && e.Running != nil
}

// is reports whether the event is the sending of the signal that was delivered.
func (j *Joiner) is(e *Event, t *Taken) bool {
	if e.Target.PID != t.Target.PID || e.Target.StartTicks != t.Target.StartTicks {
		return false
	}
	if t.Ends && (e.Effect == EffectEnds || e.Effect == EffectCore) {
		return true // the kernel turns a fatal signal into SIGKILL
	}
	return e.Name == t.Number && (e.Thread == 0 || e.Thread == t.Target.TID)
}

// Ready removes and returns the events that can be reported now, ordered by time; with all
// also the others.
func (j *Joiner) Ready(now time.Time, all bool) []*Event {
	n := 0
	for n < len(j.queue) {
		e := j.queue[n]
		if e.pending && !all && now.Sub(e.Time) < joinDelay {
			break
		}
		switch {
		case e.pending && e.Exit != nil:
			j.complete(e)
		case e.pending && e.Lock != nil:
			j.completeLease(e)
		}
		e.pending = false
		if e.Event == SignalEvent && (e.Fate == FateUnknown || e.mayBeOOM()) {
			if !all && now.Sub(e.Time) < joinDelay {
				break
			}
			if e.Fate == FateUnknown {
				j.notDelivered(e)
			}
		}
		n++
	}
	ready := slices.DeleteFunc(j.queue[:n:n], func(e *Event) bool { return e.dropped })
	j.queue = j.queue[n:]
	return ready
}

// Due is when [Joiner.Ready] has an event at the latest; zero if there are no events.
func (j *Joiner) Due() time.Time {
	if len(j.queue) == 0 {
		return time.Time{}
	}
	return j.queue[0].Time.Add(joinDelay)
}

// notDelivered sets why nobody has taken a signal, and remembers the signal.
func (j *Joiner) notDelivered(e *Event) {
	e.Fate = FatePending
	switch {
	case e.Awaited:
		e.Fate = FateAwaited
		return // a thread that waits for a signal prevents its delivery
	case e.IsBlocked:
		e.Fate = FateBlocked
	}
	if j.waiting == nil {
		j.waiting = map[waitingKey]*Event{}
	}
	key := keyOf(e)
	if j.waiting[key] == nil {
		j.waiting[key] = e
		j.order = append(j.order, key)
	}
	for len(j.order) > maxWaiting {
		delete(j.waiting, j.order[0])
		j.order = j.order[1:]
	}
}
