package graph

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

// Wants says in words what a blocked thread does, and on which object.
func (g *Graph) Wants(w *model.Wait) string {
	o := g.Object(w.Object)
	switch w.Needs {
	case model.NeedsChild:
		return wantsChild(w)
	case model.NeedsTime:
		return g.wantsTime(w)
	case model.NeedsSignal:
		return g.wantsSignal(w)
	case model.NeedsAnswer:
		return wantsAnswer(w)
	}
	switch w.Call {
	case "flock", "fcntl":
		return wantsLock(w) + on(o, w)
	case "semop", "semtimedop":
		what := "waits for semaphores"
		if w.Target != nil && len(w.Target.Operations) > 0 {
			what = "does semop " + strings.Join(w.Target.Operations, ", ")
		}
		return what + on(o, w)
	case "futex", "futex_wait", "futex_waitv":
		return g.wantsWord(w)
	case "open", "openat", "openat2":
		if w.Needs == model.NeedsLock {
			return wantsLease(o, w)
		}
		return wantsPartner(o, w)
	case "accept", "accept4":
		return "waits for a connection" + on(o, w)
	case "connect":
		if w.Target != nil && w.Target.Path != "" {
			return "connects to " + w.Target.Path
		}
		return "connects" + on(o, w)
	case "poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2", "restart_syscall":
		return g.polls(w)
	case "msgrcv", "mq_timedreceive":
		return "waits for " + message(w) + on(o, w)
	case "msgsnd", "mq_timedsend":
		return "sends a message" + on(o, w)
	}
	verb := "reads from"
	if writes(w.Call) {
		verb = "writes to"
	}
	if w.Call == "splice" || w.Call == "tee" {
		return w.Call + "s between " + strings.Join(w.Objects, " and ")
	}
	if w.Target != nil {
		if fd, ok := w.Target.FD.Get(); ok {
			text := verb + " fd " + strconv.Itoa(fd)
			if w.Object != "" {
				text += ", " + g.label(w.Object)
			}
			return text + fullness(o)
		}
	}
	if w.Object == "" {
		return verb + " something that is not known"
	}
	return verb + " " + g.label(w.Object) + fullness(o)
}

// polls says on which objects a thread waits for events; an epoll instance is replaced by the
// objects that it watches.
func (g *Graph) polls(w *model.Wait) string {
	if w.Call == "restart_syscall" {
		return "waits on after a stop, in a call that has a time limit"
	}
	ids := w.Objects
	if in := g.watched(ids); in.unknown == "" && len(in.ids) > 0 && len(in.ids) <= maxSet {
		ids = in.ids
	}
	switch n := len(ids); n {
	case 0:
		return "waits for events"
	case 1:
		return "polls " + g.label(ids[0]) + atMost(w)
	default:
		return fmt.Sprintf("polls %d descriptors", n)
	}
}

func wantsChild(w *model.Wait) string {
	if w.Call == "vfork" {
		return "waits for its child to exec (vfork)"
	}
	if w.Target != nil {
		if child, ok := w.Target.Child.Get(); ok && child > 0 {
			return "waits for its child " + strconv.Itoa(child)
		}
	}
	return "waits for a child (" + w.Call + ")"
}

func wantsLock(w *model.Wait) string {
	t := w.Target
	if t == nil {
		return "wants a lock"
	}
	mode := map[string]string{"READ": "shared", "WRITE": "exclusive"}[t.Mode]
	text := "wants " + strings.TrimSpace(mode+" "+t.LockType+" lock")
	if t.LockType != "flock" && t.Range != "" && t.Range != "0-EOF" {
		text += " " + t.Range
	}
	return text
}

func (g *Graph) wantsWord(w *model.Wait) string {
	kind := g.lockType(w)
	switch kind {
	case "":
		return "waits at futexes"
	case "unknown":
		kind = "futex"
	case "cond":
		kind = "condition variable"
	case "sem":
		kind = "semaphore"
	case "join":
		if tid := g.joined(w); tid != 0 {
			return "waits for thread " + model.PIDNumber(tid) + " to end (pthread_join)"
		}
		return "waits for a thread to end (pthread_join)"
	case "cond-notify":
		return "notifies the condition variable " + w.Object + " and waits until its earlier waiters have left"
	}
	verb := "wants the "
	switch kind {
	case "condition variable", "barrier", "semaphore", "futex":
		verb = "waits at a "
	}
	text := verb + kind + " " + w.Object
	if owned(kind) {
		text += atMost(w)
	}
	return text
}

// atMost says how long the time limit of a wait is.
func atMost(w *model.Wait) string {
	limit, known := w.Timeout.Get()
	switch {
	case known && limit >= int64(10*time.Second): // it may have been computed from an absolute time
		return " (for " + brief(time.Duration(limit).Round(time.Second)) + " at most)"
	case known:
		return " (for " + brief(time.Duration(limit)) + " at most)"
	case w.Timed.Or(false):
		return " (with a time limit)"
	}
	return ""
}

// on names the object behind a verb.
func on(o *model.Object, w *model.Wait) string {
	switch {
	case o == nil && w.Object == "":
		return ""
	case o == nil:
		return " on " + w.Object
	}
	return " on " + labelOf(o)
}

func (g *Graph) label(id string) string {
	if o := g.Object(id); o != nil {
		return labelOf(o)
	}
	return id
}

// labelOf returns the name by which people know an object.
func labelOf(o *model.Object) string {
	switch {
	case o.Path != "":
		return o.Path
	case o.Name != "" && o.Kind != model.Pipe:
		return o.Name
	}
	return o.ID
}

// Label returns the name by which people know an object: its path or name, else its id.
func (g *Graph) Label(id string) string { return g.label(id) }

// fullness says that a buffer is full.
func fullness(o *model.Object) string {
	if o == nil {
		return ""
	}
	if fill, ok := o.Fill.Get(); !ok || fill < 1 {
		return ""
	}
	if d, ok := o.Detail.(*model.PipeDetail); ok {
		queued, known := d.Queued.Get()
		if capacity, ok := d.Capacity.Get(); ok && known {
			return fmt.Sprintf(", FULL %d/%d", queued, capacity)
		}
	}
	return ", FULL"
}

// Evidence says where a wait was read.
func (g *Graph) Evidence(w *model.Wait) model.Evidence {
	text := w.Call
	if w.Target != nil {
		if fd, ok := w.Target.FD.Get(); ok {
			text += " fd " + strconv.Itoa(fd)
		}
	}
	if w.Object != "" {
		text += " on " + w.Object
	}
	if w.Confirmed {
		text += ", unchanged across two samples"
	}
	return model.Evidence{Source: "/proc/" + model.PIDNumber(w.PID) + "/task/" + model.PIDNumber(w.TID) + "/syscall", Text: text}
}
