package tracer

import (
	"math"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

var lockTypes = map[bpf.LockType]string{bpf.LockPOSIX: "posix", bpf.LockOFD: "ofd", bpf.LockFlock: "flock", bpf.LockLease: "lease"}

// locked makes an event of a lock on a file.
func (n *names) locked(l *bpf.Lock) *trace.Event {
	e := &trace.Event{Type: "event", Time: l.Time, Event: trace.LockEvent, Sender: n.party(&l.Who), Path: l.Path, Error: errorName(l.Errno)}
	e.Object = objectOf(&l.File)
	e.Lock = &trace.Lock{
		Kind: lockTypes[l.Type], Outcome: trace.LockTaken, ThreadKey: l.Thread, Owner: l.Owner, Blocker: l.Blocker, Close: l.Close, Exiting: l.Who.Exiting,
	}
	if l.Type != bpf.LockFlock {
		e.Start = model.Some(l.Start)
		if l.End != math.MaxInt64 {
			e.End = model.Some(l.End)
		}
	}
	switch l.Mode {
	case bpf.LockRead:
		e.Mode = trace.LockRead
	case bpf.LockWrite:
		e.Mode = trace.LockWrite
	default:
		e.Outcome = trace.LockReleased
	}
	switch {
	case l.Errno != 0:
		e.Outcome = trace.LockRefused
	case l.Waits:
		e.Outcome = trace.LockWaits
		if l.BlockerPID != 0 {
			e.Target = n.living(l.BlockerPID)
		}
	}
	return e
}

// lockWaitEnded makes an event of a wait for a lock that ended without the thread getting the lock.
func (n *names) lockWaitEnded(l *bpf.LockWaitEnded) *trace.Event {
	e := &trace.Event{Type: "event", Time: l.Time, Event: trace.LockEvent, Sender: n.party(&l.Who)}
	e.Lock = &trace.Lock{Outcome: trace.LockAbandoned, ThreadKey: l.Thread}
	if !l.Dies {
		e.Outcome, e.By, e.Error = trace.LockInterrupted, model.SignalName(l.Signal), "EINTR"
	}
	return e
}
