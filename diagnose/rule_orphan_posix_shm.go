package diagnose

import (
	"time"

	"github.com/ipctop/ipctop/model"
)

var orphanPosixShmRule = Rule{
	ID:       "orphan-posix-shm",
	Short:    "left behind",
	Title:    "shared memory object that nobody has open or mapped",
	Severity: model.Info,
	Means: "No process has this POSIX shared memory object open or mapped. It takes memory until its file on /dev/shm is removed " +
		"(shm_unlink) or the machine is restarted.",
	Evidence: "The descriptors and shared mappings of all processes, compared by device and inode. The file's mtime tells since when, at the " +
		"earliest.",
	Do: "If no program is to open it again by its name, remove its file. What is in it is lost.",
	FalseAlarm: "The kernel records neither who made it nor who means to use it, and some programs leave it on purpose to find it again: it is " +
		"at most likely, and only possible where some processes could not be read.",
	find: findOrphanPosixShm,
}

func findOrphanPosixShm(v *view) []finding {
	return v.findOrphans(model.PosixShm, func(d model.Detail) (model.Opt[int64], time.Time, bool) {
		m, ok := d.(*model.MemoryDetail)
		if !ok {
			return model.Opt[int64]{}, time.Time{}, true
		}
		return m.Allocated, m.Modified, false
	}, func(o *model.Object) []model.Action {
		return v.remove(o, o.Path, "removes it and what is in it", losesData)
	})
}
