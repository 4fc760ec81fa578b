package live

import (
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
	"github.com/ipctop/ipctop/trace"
)

// tracing is the state of tracing events.
type tracing struct {
	on   bool
	cost model.Opt[model.Ratio] // share of all processors
	held []entry                // events that arrived while the view was paused
}

// toggleTrace switches tracing on or off.
func (m *Model) toggleTrace() {
	if m.settings.Source != "" {
		m.setMessage(Dim, "A "+m.still()+" does not change: there is nothing to trace.")
		return
	}
	m.addEffect(Trace{!m.tracing.on})
}

func (m *Model) traceSet(e TraceSet) {
	m.tracing.on, m.tracing.cost = e.On, model.Opt[model.Ratio]{}
	switch {
	case e.Err != nil:
		m.setMessage(Critical, m.escape(e.Err.Error()))
	case e.On:
		m.setMessage(Normal, "Tracing into the log (8); system calls and switches take a little longer (T: stop).")
	default:
		m.setMessage(Normal, "Tracing has ended; what was traced stays in the log.")
	}
}

// traceWord says that events are traced, and which share of all processors that uses.
func (m *Model) traceWord() string {
	if cost, ok := m.tracing.cost.Get(); ok {
		return "TRACE " + percent(cost)
	}
	return "TRACE"
}

// traced adds events to the log. If the view is paused, they are added when it resumes.
func (m *Model) traced(e Traced) {
	if e.Cost.Known() {
		m.tracing.cost = e.Cost
	}
	var list []entry
	if len(e.Events) > 0 && e.More > 0 {
		list = append(list, remark(e.Events[0].Time, "and "+render.Counted(e.More, "more", "more")))
	}
	for _, event := range e.Events {
		list = append(list, m.traceEntry(event))
	}
	if e.Lost > 0 {
		list = append(list, remark(e.At, render.Counted(int(e.Lost), "event was lost", "events were lost")+": more happened than could be read"))
	}
	if m.paused {
		list = append(m.tracing.held[:len(m.tracing.held):len(m.tracing.held)], list...)
		m.tracing.held = list[max(len(list)-maxTraced, 0):]
		return
	}
	m.logEvents(list)
}

// showHeldEvents adds the events that were traced while the view was paused.
func (m *Model) showHeldEvents() {
	m.logEvents(m.tracing.held)
	m.tracing.held = nil
}

// logEvents adds events, given with the oldest first, to the log.
func (m *Model) logEvents(list []entry) {
	list = slices.Clone(list)
	slices.Reverse(list)
	m.addToLog(list)
	if m.screen == screenLog && len(list) > 0 {
		m.arrange()
	}
}

// remark returns an entry about events that are not shown.
func remark(at time.Time, what string) entry {
	return entry{at: at, event: traced, kind: "trace", what: what}
}

func (m *Model) traceEntry(e *trace.Event) entry {
	about := e.Sender
	switch e.Event {
	case trace.SignalEvent, trace.TakenEvent, trace.BlockedEvent, trace.ExitEvent:
		about = e.Target
	}
	var ident Ident
	if about != nil && about.PID != 0 {
		ident = Ident{PID: about.PID, Start: about.StartTicks}
	}
	return entry{at: e.Time, event: traced, kind: e.Event, ident: ident, what: render.TraceText(e, &render.Options{ASCII: m.settings.ASCII})}
}
