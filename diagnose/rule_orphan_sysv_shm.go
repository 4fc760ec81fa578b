package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/model"
)

var orphanSysvShmRule = Rule{
	ID:       "orphan-sysv-shm",
	Short:    "left behind",
	Title:    "shared memory segment that nobody has attached and whose creator is gone",
	Severity: model.Info,
	Means: "The process that made this System V segment has ended, and no process has it attached. It takes memory until it is removed or the " +
		"machine is restarted: the kernel never removes it by itself.",
	Evidence: "shm_nattch is 0, which counts the attachments of all processes, visible or not. shm_cpid is the creator's pid: no process has it, " +
		"or the one that has it started after the segment was made.",
	Do: "If no program will look for it by its key, remove it: ipcrm -m ID. What is in it is lost.",
	FalseAlarm: "Some programs leave a segment on purpose and attach it again by its key when they next start; therefore it is at most likely, unless " +
		"the segment has no key (IPC_PRIVATE). Creators outside the pid namespace that is looked at cannot be judged, and are not.",
	find: findOrphanSysvShm,
}

func findOrphanSysvShm(v *view) []finding {
	var list []finding
	for _, o := range v.graph.OfKind(model.SysvShm) {
		d, ok := o.Detail.(*model.SysvShmDetail)
		if !ok || d.Attached != model.Some[int64](0) {
			continue
		}
		creator, ok := d.CreatorPID.Get()
		if !ok || v.fateOf(creator, d.ChangeTime) != ended {
			continue
		}
		f := finding{Finding: model.Finding{
			Confidence: model.Likely, Since: latest(d.DetachTime, d.ChangeTime), Objects: []string{o.ID},
			Summary: fmt.Sprintf("%s%s: its creator, %s, is gone and nobody has it attached", o.ID, ofSize(d.Size), creatorName(creator, d)),
			Evidence: []model.Evidence{
				{Source: "shmctl SHM_STAT_ANY", Text: fmt.Sprintf("shm_nattch 0, shm_cpid %d", creator)},
				{Source: "/proc", Text: v.absent(creator)},
			},
			Actions: v.ipcrm(o, "-m"),
		}}
		if d.Key == privateKey {
			f.Confidence = model.Certain
		} else {
			f.LoweredBy = []string{"a program that knows the key " + d.Key + " may attach it again"}
		}
		list = append(list, f)
	}
	return list
}

// privateKey is the key of objects that were made without a key (IPC_PRIVATE).
const privateKey = "0x00000000"

// ofSize returns a size to put after a name; "" if it is unknown.
func ofSize(size model.Opt[int64]) string {
	if n, ok := size.Get(); ok {
		return fmt.Sprintf(", %d bytes", n)
	}
	return ""
}

// absent says how a process is known to have ended.
func (v *view) absent(pid int) string {
	if p := v.processes[pid]; p != nil && !dead(p) {
		return fmt.Sprintf("the process that has pid %d now, %s, started later", pid, p.Name())
	}
	return fmt.Sprintf("there is no process %d", pid)
}

// creatorName returns the creator's name if a recording knew it, else its pid.
func creatorName(pid int, d *model.SysvShmDetail) string {
	if d.CreatorComm == "" {
		return fmt.Sprintf("process %d", pid)
	}
	return fmt.Sprintf("%s(%d)", d.CreatorComm, pid)
}
