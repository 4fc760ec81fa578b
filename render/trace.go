package render

import (
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

// TraceLine is an event as a line for people, without its newline; zone is where they are.
func TraceLine(e *trace.Event, o *Options, zone *time.Location) string {
	line := e.Time.In(zone).Format("15:04:05.000") + "  " + o.actor(e) + " " + o.glyphs().to + " " + o.party(e.Target)
	if e.Signal != nil {
		e.Explain(o.party)
		line += "  " + o.colored(signalRole(e.Signal), e.Name) + "  " + e.Reason + ": " + traceOutcome(e)
	}
	return line
}

// party names a process; one that is outside of ipctop's pid namespace has no number.
func (o *Options) party(p *trace.Party) string {
	if p.PID == 0 {
		return o.escape(p.Name()) + "(outside)"
	}
	return o.escape(model.Named(p.Name(), p.PID))
}

// actor is who caused an event.
func (o *Options) actor(e *trace.Event) string {
	if e.Sender != nil {
		return o.party(e.Sender)
	}
	if e.Signal == nil {
		return "kernel"
	}
	switch e.Cause {
	case trace.CauseTerminal, trace.CauseHangup:
		return "terminal"
	case trace.CauseTimer:
		return "timer"
	case trace.CauseOOM:
		return "OOM killer"
	}
	if e.Event == trace.TakenEvent {
		return Unknown
	}
	return "kernel"
}

func traceOutcome(e *trace.Event) string {
	var words []string
	if e.Event == trace.TakenEvent {
		if e.After > 0 {
			words = append(words, "taken after "+traceDuration(e.After))
		} else {
			words = append(words, "taken")
		}
	}
	if e.Thread != 0 && e.Thread != e.Target.PID {
		words = append(words, "thread "+strconv.Itoa(e.Thread))
	}
	return strings.Join(append(words, e.Outcome()), ", ")
}

// traceDuration is how long something took that was measured closely.
func traceDuration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	}
	return Duration(d)
}

// signalRole is how much a signal matters.
func signalRole(s *trace.Signal) Role {
	switch {
	case s.Fate == trace.FateIgnored, s.Fate == trace.FateMerged, s.Effect == trace.EffectNone:
		return Dim
	case s.Fate == trace.FateLost, s.Effect == trace.EffectEnds, s.Effect == trace.EffectCore:
		return Alarm
	case s.Effect == trace.EffectStops, s.Fate == trace.FateBlocked, s.Fate == trace.FatePending:
		return Notice
	}
	return Plain
}

func (o *Options) colored(role Role, text string) string {
	if !o.Color || role == Plain {
		return text
	}
	return sgr[role] + text + sgrReset
}
