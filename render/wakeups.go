package render

import (
	"strconv"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

// earlier says how the thread's earlier waits of the same kind ended, if that was traced.
func (t *whyText) earlier(w *model.Wait) {
	u := w.Wakeups
	if u == nil || u.Count <= 0 {
		return
	}
	text := "last woken by " + t.waker(w) + " " + Age(t.snap.Taken, u.Last) + " ago; "
	if u.Count == 1 {
		text += "that wait in " + w.Call + " lasted " + about(time.Duration(u.Waited)) + " (the only one seen)"
	} else {
		text += "its waits in " + w.Call + " last " + about(time.Duration(u.Usual)) + " as a rule (" + strconv.FormatInt(u.Count, 10) + " seen)"
	}
	t.para("     ", text, Plain)
}

// waker names the thread or process that ended the last of a thread's earlier waits.
func (t *whyText) waker(w *model.Wait) string {
	u := w.Wakeups
	name := model.Named(u.Comm, u.PID)
	switch {
	case u.WokenBy == trace.WokenByTimer:
		return "a timer"
	case u.WokenBy == trace.WokenByDevice:
		return "a device"
	case u.WokenBy == trace.WokenByPackets && u.Comm == "":
		return "packets"
	case u.Comm == "":
		return "the kernel"
	case u.PID == 0:
		name = u.Comm + "(outside)"
	case u.PID == w.PID:
		name = "its own thread " + model.PIDNumber(u.TID)
	}
	if u.WokenBy == trace.WokenByPackets {
		return "packets, probably of " + name + ","
	}
	return name
}

// about returns a duration with two digits: it is not known more precisely.
func about(d time.Duration) string {
	unit := time.Duration(1)
	for d/unit >= 100 {
		unit *= 10
	}
	if d = d.Round(unit); d >= 10*time.Second {
		return Duration(d)
	}
	return d.String()
}
