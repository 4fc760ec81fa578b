package diagnose

import (
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

var orphanPosixMqRule = Rule{
	ID:       "orphan-posix-mq",
	Short:    "left behind",
	Title:    "message queue that nobody has open",
	Severity: model.Info,
	Means: "No process has this POSIX message queue open. It stays, with the messages in it, until it is removed (mq_unlink) or the " +
		"machine is restarted, and counts against its owner's limit on the bytes of all queues.",
	Evidence: "The descriptors of all processes, compared by device and inode; nobody is registered to be notified. The time of the last " +
		"message tells since when.",
	Do: "If no program will open it again by its name, remove its file below a mount of the mqueue file system (usually /dev/mqueue; where it is not " +
		"mounted, the action mounts it for itself), or with Del in the live view. The messages are lost.",
	FalseAlarm: "The kernel records neither who made it nor who will use it; programs that open it only to send leave the messages for one " +
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
		return v.unlink(o)
	})
}

// unlink returns the action that removes a message queue: by its file if the file system is
// mounted, else through a mount that no other process sees.
func (v *view) unlink(o *model.Object) []model.Action {
	const effect = "removes it and the messages in it"
	for _, path := range o.Aliases {
		if strings.HasPrefix(path, "/dev/mqueue/") {
			return v.remove(o, path, effect, losesData)
		}
	}
	list := v.remove(o, o.Name, effect+"; needs root", losesData)
	for i := range list {
		list[i].Argv = append(slices.Clone(mountedApart), strings.TrimPrefix(o.Name, "/"))
	}
	return list
}

// mountedApart is a command that removes the queues given as further arguments although the
// mqueue file system is not mounted.
var mountedApart = []string{"unshare", "--mount", "sh", "-c", `mount -t mqueue none /mnt && cd /mnt && rm -- "$@"`, "sh"}
