package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/model"
)

var noMessageOfTypeRule = Rule{
	ID:       "no-message-of-type",
	Short:    "no such type",
	Title:    "receiver that waits for a type of message the queue does not hold",
	Severity: model.Warning,
	Means: "A process is blocked in msgrcv, asking for messages of a certain type. The queue holds messages, but none of that type, and nothing was sent or " +
		"received for a while: the program that should send that type does not, or it sent another type by mistake.",
	Evidence: "The type in the arguments of msgrcv (above 0: that type alone; below 0: types up to its amount), the number of messages, and the times of the last " +
		"msgsnd and msgrcv.",
	Do: "Compare the type that the receiver asks for with the types that senders use. ipctop show ID --types counts the messages of each type in the queue.",
	FalseAlarm: "Clients that wait for an answer addressed to them, in a queue that also holds requests to a slow server, look the same. It is reported only if " +
		"nothing was sent or received for --min-age, and is likely at most.",
	find: findNoMessageOfType,
}

func findNoMessageOfType(v *view) []finding {
	var list []finding
	for _, o := range v.awaited() {
		d, ok := o.Detail.(*model.SysvMsgDetail)
		if !ok || d.Messages.Or(0) == 0 || v.Taken.Sub(latest(d.SendTime, d.RecvTime)) < v.MinAge {
			continue
		}
		var f *finding
		for _, w := range v.waitsOn[o.ID] {
			if w.Call != "msgrcv" || !v.aged(w) || w.Target == nil || w.Target.MessageType.Or(0) == 0 || w.Target.OtherTypes {
				continue
			}
			if f == nil {
				f = &finding{Finding: model.Finding{
					Confidence: model.Likely, LoweredBy: []string{"a process that has not sent anything yet may be about to"}, Objects: []string{o.ID},
					Summary: fmt.Sprintf("%s waits for messages of type %d in %s, which holds %d others",
						v.name(w.PID), w.Target.MessageType.Or(0), v.called(o), d.Messages.Or(0)),
				}}
			}
			f.explains, f.Victims = append(f.explains, w), append(f.Victims, w.PID)
			f.Since = earliest(f.Since, v.began(w))
			f.Chain = append(f.Chain, v.step(w, o.ID, fmt.Sprintf("waits for type %d in", w.Target.MessageType.Or(0))))
			f.Evidence = append(f.Evidence, model.Evidence{
				Source: fmt.Sprintf("/proc/%d/task/%d/syscall", w.PID, w.TID), Text: fmt.Sprintf("msgrcv, type %d", w.Target.MessageType.Or(0)),
			})
		}
		if f == nil {
			continue
		}
		f.Evidence = append(f.Evidence, model.Evidence{Source: "msgctl MSG_STAT_ANY", Text: fmt.Sprintf("%d messages", d.Messages.Or(0))})
		list = append(list, *f)
	}
	return list
}
