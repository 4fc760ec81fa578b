package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/model"
)

var orphanSysvMsgRule = Rule{
	ID:       "orphan-sysv-msg",
	Short:    "left behind",
	Title:    "message queue whose last users are gone",
	Severity: model.Info,
	Means: "The processes that last sent to and received from this System V queue have ended, and nobody waits at it. It stays, with the messages " +
		"in it, until it is removed or the machine is restarted.",
	Evidence: "msg_lspid and msg_lrpid: no process has these pids, or it started after the time that the queue notes for it. The kernel records neither " +
		"who made a queue nor who will use it.",
	Do: "If no program will look for it by its key, remove it: ipcrm -q ID. The messages are lost.",
	FalseAlarm: "A program that has not sent or received anything yet leaves no trace at its queue, and short programs may use one in turn; therefore it " +
		"is at most likely. Queues never used are not reported.",
	find: findOrphanSysvMsg,
}

func findOrphanSysvMsg(v *view) []finding {
	var list []finding
	for _, o := range v.graph.OfKind(model.SysvMsg) {
		d, ok := o.Detail.(*model.SysvMsgDetail)
		if !ok || len(v.waitsOn[o.ID]) > 0 {
			continue
		}
		var users []int
		gone := true
		if !d.SendTime.IsZero() { // somebody has sent
			pid := d.LastSendPID.Or(0)
			users, gone = append(users, pid), v.fateOf(pid, d.SendTime) == ended
		}
		if !d.RecvTime.IsZero() {
			pid := d.LastRecvPID.Or(0)
			users, gone = append(users, pid), gone && v.fateOf(pid, d.RecvTime) == ended
		}
		if !gone || users == nil {
			continue
		}
		what := ""
		if n, ok := d.Messages.Get(); ok {
			what = fmt.Sprintf(", %d messages", n)
		}
		list = append(list, finding{Finding: model.Finding{
			Confidence: model.Likely, Since: latest(d.SendTime, d.RecvTime, d.ChangeTime), Objects: []string{o.ID},
			LoweredBy: []string{notRecorded},
			Summary:   fmt.Sprintf("%s%s: the processes that last used it are gone", o.ID, what),
			Evidence:  append([]model.Evidence{{Source: "msgctl MSG_STAT_ANY", Text: fmt.Sprintf("last users %v", set(users))}}, v.absences(users)...),
			Actions:   v.ipcrm(o, "-q"),
		}})
	}
	return list
}

// notRecorded is why orphans of System V are never certain, except for shared memory.
const notRecorded = "the kernel does not record who has a System V queue or semaphore set in use"

// absences says of each process how it is known to have ended.
func (v *view) absences(pids []int) []model.Evidence {
	var list []model.Evidence
	for _, pid := range set(pids) {
		list = append(list, model.Evidence{Source: "/proc", Text: v.absent(pid)})
	}
	return list
}
