package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/model"
)

var orphanSysvSemRule = Rule{
	ID:       "orphan-sysv-sem",
	Short:    "left behind",
	Title:    "semaphore set whose last users are gone",
	Severity: model.Info,
	Means: "All processes that last changed a semaphore of this System V set have ended, and nobody waits at it. It stays until it is removed or the " +
		"machine is restarted, and counts against the limit on sets.",
	Evidence: "GETPID of every semaphore: no process has these pids, or it started after the last operation. GETNCNT and GETZCNT are 0.",
	Do:       "If no program will look for it by its key, remove it: ipcrm -s ID.",
	FalseAlarm: "A program that has not changed the set itself leaves no trace at it, and short programs may use one in turn; therefore it is at most " +
		"likely. A set whose values may not be read is not reported.",
	find: findOrphanSysvSem,
}

func findOrphanSysvSem(v *view) []finding {
	var list []finding
	for _, o := range v.graph.OfKind(model.SysvSem) {
		d, ok := o.Detail.(*model.SysvSemDetail)
		if !ok || len(v.waitsOn[o.ID]) > 0 {
			continue
		}
		last := latest(d.OpTime, d.ChangeTime)
		var users []int
		gone := true
		for _, s := range d.Sems {
			pid, ok := s.LastPID.Get()
			gone = gone && ok && s.NCount.Or(1) == 0 && s.ZCount.Or(1) == 0
			switch {
			case pid != 0:
				users, gone = append(users, pid), gone && v.fateOf(pid, last) == ended
			case !v.wholeHost: // if the whole host is visible, pid 0 means that nobody has changed it yet
				gone = false
			}
		}
		if !gone || users == nil {
			continue
		}
		users = set(users)
		list = append(list, finding{Finding: model.Finding{
			Confidence: model.Likely, Since: last, Objects: []string{o.ID},
			LoweredBy: []string{notRecorded},
			Summary:   fmt.Sprintf("%s, %d semaphores: the processes that last used it are gone", o.ID, len(d.Sems)),
			Evidence:  append([]model.Evidence{{Source: "semctl GETPID", Text: fmt.Sprintf("last users %v", users)}}, v.absences(users)...),
			Actions:   v.ipcrm(o, "-s"),
		}})
	}
	return list
}
