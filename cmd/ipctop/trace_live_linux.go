package main

import (
	"context"
	"sync"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render/tui"
	"github.com/ipctop/ipctop/trace/tracer"
)

// wakeups adds what was traced of earlier waits.
func (o *options) wakeups(snap *model.Snapshot) error {
	if o.addWaits == nil {
		return nil
	}
	return o.addWaits(snap)
}

// traceWaits starts tracing who wakes whom, and waits for a while. Snapshots that are taken
// until end is called have the result.
func traceWaits(ctx context.Context, o *options, wait time.Duration) (end func(), err error) {
	t, err := tracer.Open(tracer.Options{Waits: true, Self: o.self})
	if err != nil {
		return nil, traceError(err)
	}
	select {
	case <-ctx.Done():
		t.Close()
		return nil, ctx.Err()
	case <-time.After(wait):
	}
	o.addWaits = t.AddTo
	return t.Close, nil
}

// liveTracer is a tracer whose waits are added to the snapshots that are taken while it is open.
type liveTracer struct {
	*tracer.Tracer
	close func()
}

// Close implements [tui.Tracer].
func (l *liveTracer) Close() { l.close() }

// traceLive returns a function that starts tracing the events that ipctop trace reports
// without arguments.
func traceLive(o *options) func(context.Context) (tui.Tracer, error) {
	var mu sync.Mutex
	var now *tracer.Tracer
	o.addWaits = func(snap *model.Snapshot) error {
		mu.Lock()
		defer mu.Unlock()
		if now == nil {
			return nil
		}
		return now.AddTo(snap)
	}
	return func(ctx context.Context) (tui.Tracer, error) {
		snap, err := scanProcesses(ctx, o)
		if err != nil {
			return nil, err
		}
		all := traceOptions{over: traceOver}
		to := all.tracing(^uint64(0))
		to.Waits, to.Self, to.Snapshot = true, o.self, snap
		t, err := tracer.Open(to)
		if err != nil {
			return nil, traceError(err)
		}
		mu.Lock()
		defer mu.Unlock()
		now = t
		return &liveTracer{t, func() {
			mu.Lock()
			now = nil
			mu.Unlock()
			t.Close()
		}}, nil
	}
}
