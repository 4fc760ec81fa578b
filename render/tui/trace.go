package tui

import (
	"context"
	"sync"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render/live"
	"github.com/ipctop/ipctop/trace"
)

// Tracer tells of events while they happen.
type Tracer interface {
	// Run calls f with each event until the context ends.
	Run(ctx context.Context, f func(*trace.Event) error) error

	// Lost is how many events could not be told of. It may be called during Run, as Cost.
	Lost() uint64

	// Cost is what share of all processors' time the tracing took lately, where that is known.
	// To ask has it measured again.
	Cost() model.Opt[model.Ratio]

	Close()
}

// How often events are shown that have come, and how many at a time; and how often it is
// measured what they cost.
const (
	showEvents  = 250 * time.Millisecond
	maxShown    = 200
	measureCost = 2 * time.Second
)

// tracing is what is traced, while it is.
type tracing struct {
	mu    sync.Mutex
	stop  context.CancelFunc
	ended chan struct{} // nil until it began
}

// running reports whether events are told of. The caller holds the lock.
func (t *tracing) running() bool {
	select {
	case <-t.ended:
		return false
	default:
		return t.ended != nil
	}
}

// wait waits until no more events are told of.
func (t *tracing) wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended != nil {
		t.stop()
		<-t.ended
	}
}

// trace begins or ends to tell of events.
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

// tell shows what a tracer tells of, until the context ends.
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

// show reports the events that have come, if there are any, and what they cost.
func (v *view) show(b *batch, cost model.Opt[model.Ratio]) {
	e := b.take()
	if e.Cost = cost; len(e.Events) > 0 || e.Lost > 0 || e.Cost.Known() {
		v.post(post{event: e})
	}
}

// batch is the last events that were not shown yet.
type batch struct {
	tracer Tracer
	mu     sync.Mutex
	events []*trace.Event
	more   int    // came before them
	lost   uint64 // until the last batch was shown
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

// take takes out what has come.
func (b *batch) take() live.Traced {
	b.mu.Lock()
	defer b.mu.Unlock()
	lost := b.tracer.Lost()
	e := live.Traced{At: time.Now(), Events: b.events, More: b.more, Lost: lost - b.lost}
	b.events, b.more, b.lost = nil, 0, lost
	return e
}
