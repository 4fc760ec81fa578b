package live

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
	"github.com/ipctop/ipctop/trace"
)

// madeEvents returns an event of each kind, ms milliseconds after the snapshot later.
func madeEvents(ms int) []*trace.Event {
	at := func(more int) time.Time { return later().Taken.Add(time.Duration(ms+more) * time.Millisecond) }
	yes, less := &trace.Party{PID: 812, TID: 812, Comm: "yes"}, &trace.Party{PID: 813, TID: 814, Comm: "less"}
	for _, p := range modeltest.Rich().Processes {
		if p.PID == 812 {
			yes.StartTicks = p.StartTicks
		}
	}
	return []*trace.Event{
		{
			Time: at(0), Event: trace.SignalEvent, Sender: &trace.Party{PID: 41, Comm: "sh", Label: "deploy\x1b.sh"}, Target: yes,
			Signal: &trace.Signal{Name: "SIGTERM", Cause: trace.CauseKill, Fate: trace.FateDelivered, Effect: trace.EffectHandler},
		},
		{
			Time: at(5), Event: trace.BlockedEvent, Sender: yes, Target: less, Object: "pipe:4242",
			Blocked: &trace.Blocked{Call: "read", For: 300 * time.Millisecond, WokenBy: trace.WokenByProcess},
		},
		{Time: at(9), Event: trace.ExitEvent, Target: yes, Exit: &trace.Exit{Killed: "SIGTERM", Age: time.Minute}},
	}
}

// TestTracedEvents: events are in the log among its own entries, in order of time.
func TestTracedEvents(t *testing.T) {
	var b bytes.Buffer
	for _, size := range []struct{ width, height int }{{80, 24}, {120, 24}} {
		for _, ascii := range []bool{false, true} {
			v := newView(t, Settings{Interval: 2 * time.Second, ASCII: ascii}, size.width, size.height)
			v.scan(undiagnosed())
			v.keys("8 T")
			if v.effects[len(v.effects)-1] != (Trace{On: true}) {
				t.Fatalf("T gives %v", v.effects)
			}
			v.do(TraceSet{On: true})
			fmt.Fprintf(&b, "traced:\n%s", v.frame())
			v.keys("Home") // what was said is gone
			v.do(Traced{At: later().Taken, Events: madeEvents(500)})
			v.scan(later())
			v.do(Traced{At: later().Taken.Add(time.Second), Events: madeEvents(-1500), More: 7, Lost: 3, Cost: model.Some[model.Ratio](0.0042)})
			fmt.Fprintf(&b, "with events:\n%s", v.frame())
			v.keys("*")
			fmt.Fprintf(&b, "without:\n%s", v.frame())
			v.keys("* T")
			v.do(TraceSet{})
			v.has("-TRACE", "Tracing has ended", "SIGTERM")
		}
	}
	golden(t, "traced.txt", b.Bytes())
}

// TestTraceUnavailable: without eBPF a sentence says so, and nothing else changes.
func TestTraceUnavailable(t *testing.T) {
	v := newView(t, usual, 120, 24)
	v.scan(undiagnosed())
	v.keys("T")
	v.do(TraceSet{Err: errors.New("trace needs eBPF, and the kernel is \x1b[2J")})
	v.has(`trace needs eBPF, and the kernel is \x1b[2J`, "-TRACE")
	v.keys("T")
	if v.effects[len(v.effects)-1] != (Trace{On: true}) {
		t.Errorf("T once more gives %v", v.effects)
	}
}

// TestTracedWhilePaused: while the view is paused nothing moves; the events are shown when it
// resumes.
func TestTracedWhilePaused(t *testing.T) {
	v := newView(t, usual, 120, 24)
	v.scan(undiagnosed())
	v.do(TraceSet{On: true})
	v.keys("8 Z")
	v.do(Traced{Events: madeEvents(500)})
	v.has("-SIGTERM")
	v.keys("Z")
	v.has("SIGTERM", "blocked 300ms", "ended  by SIGTERM")
}

// Enter on an event shows the process that it is about.
func TestTracedProcess(t *testing.T) {
	v := newView(t, usual, 120, 24)
	v.scan(undiagnosed())
	v.keys("8")
	v.do(Traced{Events: madeEvents(500)[:1]})
	v.keys("Enter")
	v.has("yes(812)", "-deploy")
}

// TestTracedWakeups: the page about why a thread waits says who used to wake it, while that is
// traced.
func TestTracedWakeups(t *testing.T) {
	const woken, often = "last woken by its own thread 815 3s ago; its waits in write last 1.5ms as", "a rule (12 seen)"
	v := newView(t, usual, 120, 40)
	scan := func(wakeups *model.Wakeups) {
		t.Helper()
		s := modeltest.Rich()
		for _, p := range s.Processes {
			if p.PID == 812 {
				p.State = "S" // a stopped process has no chain
			}
		}
		found := false
		for i := range s.Waits {
			if w := &s.Waits[i]; w.PID == 812 {
				w.Wakeups, found = wakeups, true
				if w.Call != "write" {
					t.Fatalf("it is in %s", w.Call)
				}
			}
		}
		if !found {
			t.Fatal("812 does not wait")
		}
		v.scan(s)
	}
	scan(nil)
	v.keys("2 '/yes Enter w")
	v.has("why: yes(812)", "-last woken")
	v.do(TraceSet{On: true})
	taken := modeltest.Rich().Taken
	scan(&model.Wakeups{Count: 12, Usual: 1500e3, Last: taken.Add(-3 * time.Second), WokenBy: trace.WokenByProcess, PID: 812, TID: 815, Comm: "yes"})
	v.has("why: yes(812)", woken, often)
	v.do(TraceSet{})
	scan(nil)
	v.has("why: yes(812)", "-last woken")
}

// TestTracedStorm: a storm of events does not push other entries out of the log, and the log
// does not grow beyond its limit.
func TestTracedStorm(t *testing.T) {
	v := newView(t, usual, 120, 24)
	v.scan(undiagnosed())
	v.scan(later())
	n := len(v.m.log)
	for range 30 {
		v.do(Traced{Events: slices.Repeat(madeEvents(500), 50)})
	}
	if n == 0 || len(v.m.log) != n+maxTraced {
		t.Errorf("%d entries: %d of the log's own and %d traced are to be there", len(v.m.log), n, maxTraced)
	}
	v.keys("Z")
	for range 30 {
		v.do(Traced{Events: slices.Repeat(madeEvents(500), 50)})
	}
	if len(v.m.tracing.held) != maxTraced {
		t.Errorf("%d events are kept while it is paused", len(v.m.tracing.held))
	}
}

// TestWhomAnEventIsAbout: Enter on an event goes to the process that it is about: the one that
// waits for a lock, not the one that has it.
func TestWhomAnEventIsAbout(t *testing.T) {
	v := newView(t, Settings{}, 80, 24)
	who, other := &trace.Party{PID: 812, StartTicks: 7}, &trace.Party{PID: 813}
	for _, test := range []struct {
		event          string
		sender, target *trace.Party
	}{
		{trace.LockEvent, who, other},
		{trace.ConnectEvent, who, other},
		{trace.PassedEvent, who, nil},
		{trace.CreatedEvent, who, nil},
		{trace.SignalEvent, other, who},
		{trace.BlockedEvent, other, who},
		{trace.ExitEvent, nil, who},
	} {
		e := &trace.Event{Event: test.event, Sender: test.sender, Target: test.target}
		switch test.event {
		case trace.SignalEvent:
			e.Signal = &trace.Signal{}
		case trace.BlockedEvent:
			e.Blocked = &trace.Blocked{}
		case trace.ExitEvent:
			e.Exit = &trace.Exit{}
		case trace.LockEvent:
			e.Lock = &trace.Lock{}
		case trace.ConnectEvent:
			e.Connection = &trace.Connection{}
		case trace.PassedEvent:
			e.Passed = &trace.Passed{}
		case trace.CreatedEvent:
			e.Existence = &trace.Existence{}
		}
		if got := v.m.traceEntry(e).ident; got != (Ident{PID: 812, Start: 7}) {
			t.Errorf("%s is about %+v", test.event, got)
		}
	}
}
