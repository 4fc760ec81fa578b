package diagnose

import (
	"time"

	"github.com/ipctop/ipctop/model"
)

var orphanPosixMqRule = Rule{
	ID:       "orphan-posix-mq",
	Title:    "message queue that nobody has open",
	Severity: model.Info,
	Means: "No process has this POSIX message queue open. It stays, with the messages in it, until it is removed (mq_unlink) or the " +
		"machine is restarted, and counts against its owner's limit on the bytes of all queues.",
	Evidence: "The descriptors of all processes, compared by device and inode; nobody is registered to be notified. The time of the last " +
		"message tells since when.",
	Do: "If no program is to open it again by its name, remove its file below a mount of the mqueue file system (usually /dev/mqueue). " +
		"The messages are lost.",
	FalseAlarm: "The kernel records neither who made it nor who means to use it; programs that open it only to send leave the messages for one " +
		"that comes later. It is at most likely, and only possible where some processes could not be read.",
	find: findOrphanPosixMq,
}

func findOrphanPosixMq(v *view) []finding {
	return v.findOrphans(model.PosixMq, func(d model.Detail) (model.Opt[int64], time.Time, bool) {
		q, ok := d.(*model.PosixMqDetail)
		if !ok || q.Notify != nil && q.Notify.Method != "" {
			return model.Opt[int64]{}, time.Time{}, true
		}
		return q.Bytes, q.Modified, false
	}, func(o *model.Object) []model.Action {
		return v.remove(o, "/dev/mqueue"+o.Name, "removes it and the messages in it, where /dev/mqueue is mounted", losesData)
	})
}
