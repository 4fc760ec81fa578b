package tracer

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

// Options say what to trace.
type Options struct {
	Signals  uint64          // a bit for each signal to trace, 1<<(n-1); 0: none
	Exits    bool            // processes that end, with the objects that they leave behind
	Over     time.Duration   // threads that are woken after having slept for this long; 0: none
	Waits    bool            // statistics of each thread's waits: see [Tracer.AddTo]
	Connects bool            // connections of UNIX and Internet sockets
	Passes   bool            // descriptors that are passed from one process to another
	Locks    bool            // locks on files
	Objects  bool            // objects that are made or removed
	Urgent   bool            // also the signals by which Go programs switch between goroutines
	PIDs     []int           // only signals, ends and waits in which one of these takes part; nil: all. At most [bpf.MaxTraced]
	Self     bool            // also events of ipctop itself
	Snapshot *model.Snapshot // the processes that exist already, with their names; may be nil
}

// Tracer reports events until it is closed.
type Tracer struct {
	source *bpf.Tracer
	names  *names
	joiner trace.Joiner
	asked  Options
	lost   uint64         // number of lost events when knowledge was last dropped ([trace.Joiner.Forget])
	cost   *bpf.CostMeter // made at the first call of Cost
	since  time.Time
}

// Open begins to trace.
func Open(o Options) (*Tracer, error) {
	source, err := bpf.OpenTracer(bpf.TraceOptions{
		Signals: o.Signals, Exits: o.Exits, Over: o.Over, Waits: o.Waits, Connects: o.Connects, Passes: o.Passes, Locks: o.Locks || o.Exits, Objects: o.Objects || o.Exits,
		Urgent: o.Urgent, PIDs: o.PIDs, Self: o.Self,
	})
	if err != nil {
		return nil, err
	}
	t := &Tracer{source: source, names: newNames(o.Snapshot), since: time.Now(), asked: o}
	t.joiner.HoldsLease = t.names.holdsLease
	if o.Exits {
		t.joiner.StillExists = t.names.remains
		for _, e := range t.names.madeBefore(o.Snapshot) {
			t.joiner.CreatedBefore(e)
		}
	}
	return t, nil
}

// idle is how long Run waits for a record when no event is due.
const idle = time.Minute

// Run calls f with each event, ordered by time, until the context ends, and then with the
// events that happened before that. It returns the first error of f.
func (t *Tracer) Run(ctx context.Context, f func(*trace.Event) error) error {
	stop := context.AfterFunc(ctx, t.source.Interrupt)
	defer stop()
	for {
		deadline := t.joiner.Due()
		if deadline.IsZero() {
			deadline = time.Now().Add(idle)
		}
		record, err := t.source.Next(deadline)
		// As long as there are more records, "now" is the time of the last record read: the
		// next one may be the delivery of a signal that was just sent.
		now := time.Now()
		switch {
		case err == nil:
			if n := t.source.Lost(); n != t.lost {
				t.lost = n
				t.joiner.Forget()
			}
			now = t.take(record)
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		}
		ended := err != nil && ctx.Err() != nil // and all records were read
		for _, e := range t.joiner.Ready(now, ended) {
			if !t.asksFor(e) {
				continue
			}
			if err := f(e); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
	}
}

// asksFor reports whether an event was asked for, and was not traced only to complete another one.
func (t *Tracer) asksFor(e *trace.Event) bool {
	switch e.Event {
	case trace.LockEvent:
		return t.asked.Locks
	case trace.CreatedEvent, trace.RemovedEvent:
		return t.asked.Objects
	}
	return true
}

// take handles a record and returns the time when it was made.
func (t *Tracer) take(record any) (at time.Time) {
	switch s := record.(type) {
	case *bpf.Blocked:
		at = s.Time
		t.joiner.Add(t.names.blocked(s))
	case *bpf.Exit:
		at = s.Time
		if e := t.names.ended(s); e != nil {
			t.joiner.Ended(e)
		}
	case *bpf.RobustEnded:
		at = s.Time
		t.joiner.RobustEnded(s.Time, t.names.party(&s.Who), t.names.robust(s))
	case *bpf.Connection:
		at = s.Time
		t.joiner.Connected(t.names.connected(s))
	case *bpf.Passed:
		at = s.Time
		t.joiner.Passed(t.names.passed(s))
	case *bpf.Lock:
		at = s.Time
		switch {
		case s.Lease == 0:
			t.joiner.Locked(t.names.locked(s))
		case t.asked.Locks: // not if only exits are reported
			t.joiner.Leased(t.names.leased(s))
		}
	case *bpf.LockWaitEnded:
		at = s.Time
		t.joiner.LockWaitEnded(t.names.lockWaitEnded(s))
	case *bpf.Existence:
		at = s.Time
		if e := t.names.existence(s); e != nil {
			t.joiner.Existence(e)
		}
	case *bpf.Signal:
		at = s.Time
		switch {
		case s.Victim:
			t.joiner.OutOfMemory(s.From.TID)
		case s.Taken:
			t.joiner.Delivered(t.names.taken(s))
		default:
			t.joiner.Add(t.names.sent(s))
		}
	}
	return at
}

// LeftOut is how many signals by which Go programs switch between goroutines were left out.
func (t *Tracer) LeftOut() uint64 { return t.source.LeftOut() }

// Lost is how many events were lost because there were too many at a time.
func (t *Tracer) Lost() uint64 { return t.source.Lost() }

// Cost is the share of all processors' time that the programs took when it was last measured.
// Each call starts a new short measurement. The first call has no result yet.
func (t *Tracer) Cost() (share model.Opt[model.Ratio]) {
	if t.cost == nil {
		t.cost = bpf.NewCostMeter(t.source)
		return share
	}
	if n, ok := t.cost.Last(); ok {
		share = model.Some(model.Ratio(n))
	}
	t.cost.Measure()
	return share
}

// Close ends the tracing. Call it after [Tracer.Run] has returned.
func (t *Tracer) Close() {
	if t.cost != nil {
		t.cost.Close()
	}
	t.source.Close()
}
