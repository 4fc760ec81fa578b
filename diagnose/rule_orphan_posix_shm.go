package diagnose

import (
	"strings"
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
	Do: "Find out whose it is first: by its name, by the user that it belongs to (ipctop show), by what a recording says of who had it open. A service " +
		"that is down at the moment opens it again. If nothing does, remove its file. What is in it is lost.",
	FalseAlarm: "The kernel records neither who made it nor who will use it, and some programs leave it on purpose to find it again: it is " +
		"at most likely, and only possible where some processes could not be read. The lock of podman, which its commands share, is not reported.",
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
		return v.remove(o, o.Path, "only once it is clear that no program opens it again: removes it and what is in it", losesData)
	})
}

// sharedByCommands reports whether short-lived commands open an object one after the other and
// share it: podman's locks.
func sharedByCommands(o *model.Object) bool {
	return strings.HasPrefix(o.Name, "/libpod_lock") || strings.HasPrefix(o.Name, "/libpod_rootless_lock_")
}
