package diagnose

import (
	"time"

	"github.com/ipctop/ipctop/model"
)

var orphanPosixSemRule = Rule{
	ID:       "orphan-posix-sem",
	Short:    "left behind",
	Title:    "named semaphore that nobody has open",
	Severity: model.Info,
	Means: "No process has this POSIX named semaphore mapped. Its file stays on /dev/shm until it is removed (sem_unlink) or the machine " +
		"is restarted, with the value it was left at: a program that opens it again may wait forever.",
	Evidence: "The shared mappings of all processes, compared by device and inode. The file's mtime tells since when, at the earliest.",
	Do: "Find out whose it is first: by its name, by the user that it belongs to (ipctop show), by what a recording says of who had it open. If no program " +
		"opens it again, remove its file.",
	FalseAlarm: "The kernel records neither who made it nor who will use it, and programs may open it in turn: it is at most likely, and " +
		"only possible where some processes could not be read.",
	find: findOrphanPosixSem,
}

func findOrphanPosixSem(v *view) []finding {
	return v.findOrphans(model.PosixSem, func(d model.Detail) (model.Opt[int64], time.Time, bool) {
		s, ok := d.(*model.PosixSemDetail)
		if !ok {
			return model.Opt[int64]{}, time.Time{}, true
		}
		return model.Opt[int64]{}, s.Modified, false
	}, func(o *model.Object) []model.Action {
		return v.remove(o, o.Path, "only once it is clear that no program opens it again: removes it and its value", losesData)
	})
}
