package tui

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

// madeTracer reports the events that it gets.
type madeTracer struct {
	events chan *trace.Event
	lost   atomic.Uint64
	closed chan struct{}
	broken chan error
}

func newMadeTracer() *madeTracer {
	return &madeTracer{events: make(chan *trace.Event), closed: make(chan struct{}), broken: make(chan error, 1)}
}

func (m *madeTracer) Run(ctx context.Context, f func(*trace.Event) error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-m.broken:
			return err
		case e := <-m.events:
			if err := f(e); err != nil {
				return err
			}
		}
	}
}

func (m *madeTracer) Lost() uint64                 { return m.lost.Load() }
func (m *madeTracer) Cost() model.Opt[model.Ratio] { return model.Some[model.Ratio](0.02) }
func (m *madeTracer) Close()                       { close(m.closed) }

func wait(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(deadline):
		t.Fatal(what)
	}
}

func exitOf(pid, status int) *trace.Event {
	return &trace.Event{
		Time: time.Now(), Event: trace.ExitEvent, Target: &trace.Party{PID: pid, Comm: "made"},
		Exit: &trace.Exit{Result: model.Some(status), Age: time.Second},
	}
}

// TestTracing: events are shown while tracing is on, except minor ones. If there are many at a
// time, the others are counted; lost events are shown.
func TestTracing(t *testing.T) {
	m := newMadeTracer()
	begun := 0
	r := startView(t, Options{Trace: func(context.Context) (Tracer, error) { begun++; return m, nil }})
	r.waitFor("ipctop db1")
	r.rune('8')
	r.rune('T')
	r.waitFor("TRACE 2.0%")
	m.events <- &trace.Event{
		Time: time.Now(), Event: trace.BlockedEvent, Target: &trace.Party{PID: 77, Comm: "sleeper"},
		Blocked: &trace.Blocked{Call: "nanosleep", For: time.Second, WokenBy: trace.WokenByTimer},
	}
	m.events <- exitOf(78, 3)
	r.waitFor("made(78)  ended  status 3")
	m.lost.Store(5)
	r.waitFor("5 events were lost")
	for i := range maxShown + 20 {
		m.events <- exitOf(1000+i, 0)
	}
	r.waitFor(fmt.Sprintf("made(%d)  ended", 1000+maxShown+19))
	r.rune('T')
	r.waitFor("Tracing has ended")
	wait(t, "the tracer is not closed", m.closed)
	if begun != 1 {
		t.Errorf("tracing began %d times", begun)
	}
	r.rune('q')
	if err := r.waitEnd(); err != nil {
		t.Error(err)
	}
}

// The events before the last ones of a batch are counted.
func TestBatch(t *testing.T) {
	b := batch{tracer: newMadeTracer()}
	for i := range maxShown + 20 {
		b.add(exitOf(1000+i, 0))
	}
	e := b.take()
	if len(e.Events) != maxShown || e.More != 20 || e.Events[0].Target.PID != 1020 || e.Events[maxShown-1].Target.PID != 1000+maxShown+19 {
		t.Errorf("%d events and %d more, from %d on", len(e.Events), e.More, e.Events[0].Target.PID)
	}
	if e = b.take(); len(e.Events) != 0 || e.More != 0 {
		t.Errorf("then %d events and %d more", len(e.Events), e.More)
	}
}

// TestTracingThatBreaks: it is shown why tracing ended, and it can be started again; quitting
// ends it, too.
func TestTracingThatBreaks(t *testing.T) {
	tracers := make(chan *madeTracer, 2)
	r := startView(t, Options{Trace: func(context.Context) (Tracer, error) {
		select {
		case m := <-tracers:
			return m, nil
		default:
			return nil, errors.New("trace needs eBPF, and there is none")
		}
	}})
	r.waitFor("ipctop db1")
	r.rune('T')
	r.waitFor("trace needs eBPF, and there is none")
	first, second := newMadeTracer(), newMadeTracer()
	tracers <- first
	r.rune('T')
	r.waitFor("Tracing into the log")
	first.broken <- errors.New("the ring is broken")
	r.waitFor("the ring is broken")
	wait(t, "the first tracer is not closed", first.closed)
	tracers <- second
	r.rune('T')
	r.waitFor("Tracing into the log")
	r.rune('q')
	if err := r.waitEnd(); err != nil {
		t.Error(err)
	}
	wait(t, "the second tracer is not closed", second.closed)
}
