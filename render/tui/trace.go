package tui

import (
	"context"
	"sync"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render/live"
	"github.com/ipctop/ipctop/trace"
)

// Tracer reports events while they happen.
type Tracer interface {
	// Run calls f with each event until the context ends.
	Run(ctx context.Context, f func(*trace.Event) error) error

	// Lost returns how many events could not be reported. Lost and Cost may be called during Run.
	Lost() uint64

	// Cost returns the share of all processors' time that tracing used recently, if it is
	// known. Each call starts a new measurement.
	Cost() model.Opt[model.Ratio]

	Close()
}

// How often new events are shown, how many at a time, and how often the cost of tracing is
// measured.
const (
	showEvents  = 250 * time.Millisecond
	maxShown    = 200
	measureCost = 2 * time.Second
)

// tracing is the state of tracing.
type tracing struct {
	mu    sync.Mutex
	stop  context.CancelFunc
	ended chan struct{} // nil until tracing has begun
}

// running reports whether events are being traced. The caller must hold the lock.
func (t *tracing) running() bool {
	select {
	case <-t.ended:
		return false
	default:
		return t.ended != nil
	}
}

// wait stops tracing and waits until it has ended.
func (t *tracing) wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended != nil {
		t.stop()
		<-t.ended
	}
}

// trace switches tracing on or off.
func (v *view) trace(ctx context.Context, on bool) {
	t := &v.tracing
	if !on {
		t.wait()
		v.post(post{event: live.TraceSet{}})
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.running() {
		tracer, err := v.Trace(ctx)
		if err != nil {
			v.post(post{event: live.TraceSet{Err: err}})
			return
		}
		ctx, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		t.stop, t.ended = stop, ended
		v.goes(func() {
			defer close(ended)
			defer tracer.Close()
			v.tell(ctx, tracer)
		})
	}
	v.post(post{event: live.TraceSet{On: true}})
}

// tell shows the events of a tracer until the context ends.
func (v *view) tell(ctx context.Context, tracer Tracer) {
	b := batch{tracer: tracer}
	finished, shown := make(chan struct{}), make(chan struct{})
	v.goes(func() {
		defer close(shown)
		ticker := time.NewTicker(showEvents)
		defer ticker.Stop()
		var measured time.Time
		for {
			select {
			case <-finished:
				return
			case now := <-ticker.C:
				cost := model.Opt[model.Ratio]{}
				if now.Sub(measured) >= measureCost {
					measured, cost = now, tracer.Cost()
				}
				v.show(&b, cost)
			}
		}
	})
	err := tracer.Run(ctx, func(e *trace.Event) error {
		if !e.Minor() {
			b.add(e)
		}
		return nil
	})
	close(finished)
	<-shown
	v.show(&b, model.Opt[model.Ratio]{})
	if err != nil && ctx.Err() == nil {
		v.post(post{event: live.TraceSet{Err: err}})
	}
}

// show reports the new events, if there are any, and their cost.
func (v *view) show(b *batch, cost model.Opt[model.Ratio]) {
	e := b.take()
	if e.Cost = cost; len(e.Events) > 0 || e.Lost > 0 || e.Cost.Known() {
		v.post(post{event: e})
	}
}

// batch collects the events that have not been shown yet; of many only the last ones.
type batch struct {
	tracer Tracer
	mu     sync.Mutex
	events []*trace.Event
	more   int    // number of dropped events before them
	lost   uint64 // number of lost events when the last batch was taken
}

func (b *batch) add(e *trace.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.events) == maxShown {
		copy(b.events, b.events[1:])
		b.events = b.events[:maxShown-1]
		b.more++
	}
	b.events = append(b.events, e)
}

// take returns the collected events and empties the batch.
func (b *batch) take() live.Traced {
	b.mu.Lock()
	defer b.mu.Unlock()
	lost := b.tracer.Lost()
	e := live.Traced{At: time.Now(), Events: b.events, More: b.more, Lost: lost - b.lost}
	b.events, b.more, b.lost = nil, 0, lost
	return e
}
