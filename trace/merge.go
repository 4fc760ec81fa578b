package trace

import (
	"slices"
	"time"
)

// settle is how long a signal may take from being sent to being delivered before it is told
// of without.
const settle = 100 * time.Millisecond

// maxWaiting is of how many signals that wait, being blocked, it is remembered when they were
// sent.
const maxWaiting = 4096

// Taken is that a process took a signal.
type Taken struct {
	Time    time.Time
	Target  *Party
	Number  string        // of the signal
	Effect  string        // what it does to the process
	Ends    bool          // the process ends, by whatever signal: the kernel makes SIGKILL of it
	Explain func() *Event // makes the event where nothing is known of the sender
}

// Joiner makes one event of a signal that is sent and its delivery, and tells each end of a
// connection or of passed descriptors who is at the other. Events come out in the order of their time.
type Joiner struct {
	// Remains reports whether an object that was made is there still; nil: that is not known.
	// It is asked once a process ends.
	Remains func(e *Event) bool

	// Holds reports whether a process has the lease that an event says it asked for; nil: that is
	// not known. It is asked a little later.
	Holds func(e *Event) bool

	queue   []*Event
	waiting map[waitingKey]*Event
	order   []waitingKey // of waiting, the oldest first
	ends    ends
	locks   locks
	leases  askedLeases
	made    madeObjects
	ending  map[processKey]*Event // of processes that ended, and have not been told of
	passed  []*Event              // of which one side alone was seen, the oldest first
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

// Add takes an event. The fate of a signal is [FateUnknown] where it may be delivered yet.
func (j *Joiner) Add(e *Event) { j.queue = append(j.queue, e) }

// Forget forgets what it knows of locks, objects and ends of connections: events were lost, so
// that it may be so no more.
func (j *Joiner) Forget() {
	j.locks, j.made, j.ends, j.passed = locks{}, madeObjects{}, ends{}, nil
}

// Took takes a delivery.
func (j *Joiner) Took(t *Taken) {
	for _, e := range j.queue {
		if e.Event != SignalEvent || e.Fate != FateUnknown || !j.is(e, t) {
			continue
		}
		e.Fate, e.After = FateDelivered, max(t.Time.Sub(e.Time), 0)
		if !t.Ends {
			e.Effect = t.Effect // it may be another by now
		}
		if e.Effect == EffectNone {
			e.Fate = FateIgnored // it was blocked for a moment, so the kernel did not throw it away at once
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
		return // it ends for another reason: each of its threads is told by SIGKILL
	}
	if e := t.Explain(); e != nil {
		j.queue = append(j.queue, e)
	}
}

// waitingFor takes out the signal that was told of as one that waits and is taken now.
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

// OutOfMemory is that the OOM killer has just killed a process, in the thread of that number.
func (j *Joiner) OutOfMemory(tid int) {
	for _, e := range slices.Backward(j.queue) {
		if e.Event == SignalEvent && e.mayBeOOM() && e.Running.TID == tid {
			e.Cause = CauseOOM
			return
		}
	}
}

// mayBeOOM is of a signal that may prove to be the OOM killer's.
func (e *Event) mayBeOOM() bool {
	return e.Cause == CauseKernel && e.Name == "SIGKILL" && e.Running != nil
}

// is reports whether the event is what was taken.
func (j *Joiner) is(e *Event, t *Taken) bool {
	if e.Target.PID != t.Target.PID || e.Target.StartTicks != t.Target.StartTicks {
		return false
	}
	if t.Ends && (e.Effect == EffectEnds || e.Effect == EffectCore) {
		return true // the kernel makes SIGKILL of it
	}
	return e.Name == t.Number && (e.Thread == 0 || e.Thread == t.Target.TID)
}

// Ready takes out the events that can be told of now, in the order of their time. All tells
// of what is left, too.
func (j *Joiner) Ready(now time.Time, all bool) []*Event {
	n := 0
	for n < len(j.queue) {
		e := j.queue[n]
		if e.pending && !all && now.Sub(e.Time) < settle {
			break
		}
		switch {
		case e.pending && e.Exit != nil:
			j.complete(e)
		case e.pending && e.Lock != nil:
			j.settleLease(e)
		}
		e.pending = false
		if e.Event == SignalEvent && (e.Fate == FateUnknown || e.mayBeOOM()) {
			if !all && now.Sub(e.Time) < settle {
				break
			}
			if e.Fate == FateUnknown {
				j.unsettled(e)
			}
		}
		n++
	}
	ready := slices.DeleteFunc(j.queue[:n:n], func(e *Event) bool { return e.dropped })
	j.queue = j.queue[n:]
	return ready
}

// Due is when [Joiner.Ready] has something at the latest; zero without anything.
func (j *Joiner) Due() time.Time {
	if len(j.queue) == 0 {
		return time.Time{}
	}
	return j.queue[0].Time.Add(settle)
}

// unsettled says of a signal that nobody has taken why, and remembers it.
func (j *Joiner) unsettled(e *Event) {
	e.Fate = FatePending
	switch {
	case e.Awaited:
		e.Fate = FateAwaited
		return // whoever waits for it does not let it be delivered
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
