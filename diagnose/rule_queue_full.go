package diagnose

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/model"
)

var queueFullRule = Rule{
	ID:       "queue-full",
	Title:    "sender that waits for room in a message queue",
	Severity: model.Warning,
	Means: "A process is blocked in msgsnd or mq_send because the queue is full. It goes on as soon as somebody receives a message; nobody has for as " +
		"long as the sender has waited.",
	Evidence: "The call that the sender is blocked in, since when, and how full the queue is. Receivers: of a POSIX queue those that have it open for " +
		"reading, of a System V queue the one that received last, if it lives; the kernel does not record others.",
	Do: "See what the receiver does: ipctop why PID. If it is gone, start it again, or remove the queue: the sender gets EIDRM (System V), or stays " +
		"blocked until it is ended (POSIX).",
	FalseAlarm: "A receiver that is slower than the sender keeps it waiting again and again, as is meant; only a wait that has lasted for --min-age is reported. " +
		"Of a System V queue any process may be the receiver, one that has never received from it included.",
	find: findQueueFull,
}

func findQueueFull(v *view) []finding {
	var list []finding
	for _, o := range v.awaited() {
		var senders []*model.Wait
		for _, w := range v.waitsOn[o.ID] {
			if (w.Call == "msgsnd" || w.Call == "mq_timedsend") && v.aged(w) {
				senders = append(senders, w)
			}
		}
		if len(senders) == 0 {
			continue
		}
		f := finding{explains: senders, Finding: model.Finding{Confidence: model.Certain, Objects: []string{o.ID}}}
		for _, w := range senders {
			f.Victims, f.Since = append(f.Victims, w.PID), earliest(f.Since, v.began(w))
			f.Chain = append(f.Chain, v.step(w, o.ID, "waits for room in"))
		}
		f.Victims = set(f.Victims)
		receivers, note := v.receivers(o, f.Victims)
		f.Summary = fmt.Sprintf("%s %s to send to %s, which is full", v.names(f.Victims), verb(len(f.Victims), "waits", "wait"), v.called(o))
		switch {
		case len(receivers) > 0:
			end := v.graph.Doing(receivers[0])
			f.PIDs, f.Root = receivers, v.rootOf(&end)
			f.Summary += "; " + v.names(receivers) + " could receive"
			f.Actions = v.resumeAny(receivers, senders)
		default:
			f.Summary += "; no receiver is known"
		}
		if note != "" {
			f.Confidence, f.LoweredBy = model.Likely, []string{note}
		}
		f.Evidence = []model.Evidence{{Source: "queue", Text: queueFacts(o)}}
		for _, w := range senders {
			f.Evidence = append(f.Evidence, model.Evidence{Source: fmt.Sprintf("/proc/%d/task/%d/syscall", w.PID, w.TID), Text: w.Call})
		}
		list = append(list, f)
	}
	return list
}

// receivers returns the processes that are known to receive from a queue, without those that
// wait to send; and why there may be others.
func (v *view) receivers(o *model.Object, senders []int) (pids []int, note string) {
	switch d := o.Detail.(type) {
	case *model.PosixMqDetail:
		pids = holders(o, func(h *model.Holder) bool { return h.Via == model.ViaFD && h.Access.CanRead() })
		if _, lowered := v.absence(o); lowered != nil {
			note = lowered[0]
		}
	case *model.SysvMsgDetail:
		note = notRecorded
		if pid := d.LastRecvPID.Or(0); v.fateOf(pid, d.RecvTime) == alive {
			pids = []int{pid}
		}
	}
	return slices.DeleteFunc(pids, func(pid int) bool { return slices.Contains(senders, pid) }), note
}

// queueFacts says how full a queue is.
func queueFacts(o *model.Object) string {
	switch d := o.Detail.(type) {
	case *model.PosixMqDetail:
		if n, ok := d.Messages.Get(); ok {
			return fmt.Sprintf("%d messages of %d", n, d.MaxMessages.Or(0))
		}
	case *model.SysvMsgDetail:
		if n, ok := d.Bytes.Get(); ok {
			return fmt.Sprintf("%d bytes of %d, %d messages", n, d.MaxBytes.Or(0), d.Messages.Or(0))
		}
	}
	return "how full it is could not be read"
}
