package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var openPermissionsRule = Rule{
	ID:       "open-permissions",
	Short:    "open to all",
	Title:    "object that any user may write to",
	Severity: model.Info,
	Means: "The object's permissions let every user of the machine write to it: send to the queue, change the memory or the semaphore, and so disturb or " +
		"mislead the programs that use it.",
	Evidence:   "The permission bits: write permission for others.",
	Do:         "If other users must not use it, make the program create it with fewer permissions (0600 or 0660). For the existing object use chmod, msgctl, semctl or shmctl.",
	FalseAlarm: "It is often intended, so it is info. Sockets are left out: all users are meant to connect to them, and servers can check who connects.",
	find:       findOpenPermissions,
}

func findOpenPermissions(v *view) []finding {
	var list []finding
	for _, o := range v.graph.Marked(graph.Open) {
		owner := ""
		if uid, ok := o.UID.Get(); ok {
			owner = fmt.Sprintf(" of user %d", uid)
		}
		list = append(list, finding{Finding: model.Finding{
			Confidence: model.Certain, Objects: []string{o.ID}, PIDs: holders(o, nil),
			Summary:  fmt.Sprintf("%s%s may be written to by any user (mode %s)", v.called(o), owner, o.Mode),
			Evidence: []model.Evidence{{Source: "mode", Text: o.Mode}},
		}})
	}
	return list
}
