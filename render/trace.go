package render

import (
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

// TraceLine returns an event as a line for people, without a newline; zone is their time zone.
func TraceLine(e *trace.Event, o *Options, zone *time.Location) string {
	return e.Time.In(zone).Format(TraceClock) + "  " + TraceText(e, o)
}

// TraceClock is the format of an event's time.
const TraceClock = "15:04:05.000"

// TraceText returns an event as text for people, without its time.
func TraceText(e *trace.Event, o *Options) string {
	switch {
	case e.Exit != nil:
		return o.party(e.Target) + "  " + o.exit(e.Exit)
	case e.Blocked != nil:
		return o.party(e.Target) + "  " + o.blocked(e)
	case e.Connection != nil:
		return o.party(e.Sender) + "  " + o.connection(e)
	case e.Lock != nil:
		return o.party(e.Sender) + "  " + o.lock(e)
	case e.Existence != nil:
		return o.party(e.Sender) + "  " + o.existence(e)
	case e.Passed != nil:
		return o.passed(e)
	}
	line := o.actor(e) + " " + o.glyphs().to + " " + o.party(e.Target)
	if e.Signal != nil {
		e.Explain(o.party)
		line += "  " + o.colored(signalRole(e.Signal), e.Name) + "  " + e.Reason + ": " + traceOutcome(e)
	}
	return line
}

// exit says how a process ended.
func (o *Options) exit(x *trace.Exit) string {
	how, role := "", Dim
	if status, ok := x.Result.Get(); ok {
		how = "status " + strconv.Itoa(status)
		if status != 0 {
			role = Notice
		}
	} else {
		how, role = "by "+x.Killed, Alarm
	}
	if x.Core {
		how += ", core dumped"
	}
	text := "ended  " + o.colored(role, how) + "  after " + traceDuration(x.Age)
	if len(x.Locks) > 0 {
		text += "  with its locks on " + o.files(x.Locks)
	}
	if len(x.Robust) > 0 {
		text += "  " + o.colored(Notice, "as the owner of") + " " + o.files(x.Robust) + " (EOWNERDEAD)"
	}
	if len(x.Left) > 0 {
		text += "  " + o.colored(Notice, "left") + " " + o.files(x.Left)
	}
	return text
}

// blocked says what a thread waited for and who woke it.
func (o *Options) blocked(e *trace.Event) string {
	text := "blocked " + o.colored(Notice, traceDuration(e.For))
	if e.TID() != 0 {
		text += "  thread " + strconv.Itoa(e.TID())
	}
	if e.Call != "" {
		text += "  in " + e.Call
	}
	if e.Object != "" {
		text += " at " + e.Object
	}
	switch {
	case e.WokenBy == trace.WokenByTimer:
		return text + "  until its time was over"
	case e.WokenBy == trace.WokenByDevice:
		return text + "  until a device was ready"
	case e.WokenBy == trace.WokenByPackets && e.Sender == nil:
		return text + "  until packets came"
	case e.WokenBy == trace.WokenByPackets:
		return text + "  until packets came, probably of " + o.party(e.Sender)
	case e.Sender == nil:
		return text + "  until the kernel woke it"
	}
	return text + "  until " + o.party(e.Sender) + " woke it"
}

// connection says who connected to whom, or accepted whom, where.
func (o *Options) connection(e *trace.Event) string {
	where := o.escape(e.Path)
	if e.Event == trace.ConnectEvent {
		text := "connected"
		switch e.Error {
		case "":
		case trace.InProgress:
			text = "connects"
		default:
			text = "did not connect"
		}
		if where == "" {
			where = e.Remote
		}
		switch {
		case e.Target != nil && where != "":
			text += " to " + o.party(e.Target) + "  at " + where
		case e.Target != nil:
			text += " to " + o.party(e.Target)
		case where != "":
			text += " to " + where
		}
		if e.Local != "" {
			text += "  from " + e.Local
		}
		return text + o.failure(e)
	}
	if e.Error != "" {
		text := "accepted no connection"
		if where != "" {
			text += "  at " + where
		}
		return text + o.failure(e)
	}
	text := "accepted"
	if e.Target != nil {
		text += " " + o.party(e.Target)
	}
	switch {
	case where != "":
		text += "  at " + where
	case e.Local != "":
		text += "  at " + e.Local + "  from " + e.Remote
	}
	return text
}

// files lists the files that were left or locked, by the names that people know.
func (o *Options) files(list []trace.File) string {
	var words []string
	for _, f := range list {
		switch {
		case f.Name == "":
			words = append(words, f.Object)
		case strings.HasPrefix(f.Name, "/"):
			words = append(words, o.escape(f.Name))
		default:
			words = append(words, f.Object+" (key "+o.escape(f.Name)+")")
		}
	}
	return strings.Join(words, ", ")
}

// existence says what was made or removed.
func (o *Options) existence(e *trace.Event) string {
	text := e.Event + " "
	switch {
	case e.Path != "":
		text += e.Of + "  " + o.escape(e.Path)
		if e.Object != "" {
			text += " (" + e.Object + ")"
		}
	default:
		text += e.Object
	}
	if e.Key != "" {
		text += "  key " + e.Key
	}
	if e.Event == trace.RemovedEvent && e.Target != nil {
		text += "  made by " + o.party(e.Target)
	}
	return text
}

// lock says what happened to a lock on a file.
func (o *Options) lock(e *trace.Event) string {
	if e.Lock.Kind == "lease" {
		return o.lease(e)
	}
	what := "lock"
	switch e.Mode {
	case trace.LockRead:
		what = "shared lock"
	case trace.LockWrite:
		what = "exclusive lock"
	}
	if e.Lock.Kind == "ofd" {
		what += " (OFD)"
	} else {
		what += " (" + e.Lock.Kind + ")"
	}
	start, isRange := e.Start.Get()
	end, bounded := e.End.Get()
	switch {
	case isRange && bounded:
		what += " of bytes " + strconv.FormatInt(start, 10) + "-" + strconv.FormatInt(end, 10)
	case isRange && start > 0:
		what += " of bytes from " + strconv.FormatInt(start, 10)
	}
	what += "  on " + o.lockedFile(e)
	lost := ""
	if e.Before != "" {
		lost = ", and lost its " + e.Before + " lock"
	}
	switch e.Outcome {
	case trace.LockTaken:
		what = "took " + what
	case trace.LockUpgraded:
		what = "upgraded to " + what
	case trace.LockDowngraded:
		what = "downgraded to " + what
	case trace.LockRefused:
		return o.colored(Alarm, "did not get") + " " + what + "  " + o.colored(Alarm, e.Error) + lost
	case trace.LockWaits:
		what = o.colored(Notice, "waits") + " for " + what
		if e.Target != nil {
			what += "  held by " + o.party(e.Target)
		}
		return what + lost
	case trace.LockInterrupted:
		return o.colored(Notice, "stopped waiting") + " for " + what + "  after " + traceDuration(e.Waited) + "  " + o.colored(Alarm, e.Error) + ", as its handler of " + e.By + " ran"
	case trace.LockAbandoned:
		return o.colored(Notice, "stopped waiting") + " for " + what + "  after " + traceDuration(e.Waited) + "  as it ended"
	case trace.LockClosed:
		return "released " + what + "  by closing it"
	case trace.LockEnded:
		return "released " + what + "  as it ended"
	default:
		return "released " + what
	}
	if e.Waited > 0 {
		what += "  after " + o.colored(Notice, traceDuration(e.Waited))
	}
	return what
}

// lockedFile returns the name of the file that is locked.
func (o *Options) lockedFile(e *trace.Event) string {
	switch {
	case e.Path != "":
		return o.escape(e.Path)
	case e.Object != "":
		return e.Object
	}
	return "a file"
}

// passed says who passed which descriptors to whom.
func (o *Options) passed(e *trace.Event) string {
	what := strconv.Itoa(e.Number) + " descriptor"
	if e.Number != 1 {
		what += "s"
	}
	over, text := "", ""
	switch {
	case e.Object != "" && e.Via != "" && e.How == trace.PassedSent:
		over = "  over " + e.Object + " " + o.glyphs().to + " " + e.Via
	case e.Object != "" && e.Via != "":
		over = "  over " + e.Via + " " + o.glyphs().to + " " + e.Object
	case e.Object != "":
		over = "  over " + e.Object
	}
	switch e.How {
	case trace.PassedSent:
		text = o.party(e.Sender) + "  passed " + what
		if e.Target != nil {
			text += " to " + o.party(e.Target)
		} else if e.Path != "" {
			text += " to " + o.escape(e.Path)
		}
	case trace.PassedReceived:
		text = o.party(e.Target) + "  received " + what
		if e.Sender != nil {
			text += " of " + o.party(e.Sender)
		}
	default:
		text, over = o.party(e.Sender)+"  took "+what, "  by pidfd_getfd"
		if e.Target != nil {
			text += " of " + o.party(e.Target)
		}
	}
	return text + o.given(e.Passed) + over
}

// given lists the files and objects of the passed descriptors.
func (o *Options) given(p *trace.Passed) string {
	var words []string
	for _, f := range p.Given {
		switch {
		case f.Object == "" && f.Name == "":
			words = append(words, Unknown)
		case f.Object == "":
			words = append(words, o.escape(f.Name))
		case f.Name == "":
			words = append(words, f.Object)
		default:
			words = append(words, o.escape(f.Name)+" ("+f.Object+")")
		}
	}
	if more := p.Number - len(p.Given); more > 0 {
		words = append(words, strconv.Itoa(more)+" more")
	}
	if len(words) == 0 {
		return ""
	}
	return "  " + strings.Join(words, ", ")
}

// failure says with which error a call failed.
func (o *Options) failure(e *trace.Event) string {
	switch e.Error {
	case "":
		return ""
	case trace.InProgress:
		return "  in progress (" + e.Error + ")"
	}
	return "  " + o.colored(Alarm, e.Error)
}

// party names a process; a process outside ipctop's pid namespace has no pid.
func (o *Options) party(p *trace.Party) string {
	if p.PID == 0 {
		return o.escape(p.Name()) + "(outside)"
	}
	return o.escape(model.Named(p.Name(), p.PID))
}

// actor returns the process that caused an event.
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
	return strings.Join(append(words, e.OutcomeText()), ", ")
}

// traceDuration returns a precisely measured duration as text.
func traceDuration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	}
	return Duration(d)
}

// signalRole returns the role in which a signal is shown.
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
