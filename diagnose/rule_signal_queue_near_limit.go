package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/model"
)

var signalQueueNearLimitRule = Rule{
	ID:       "signal-queue-near-limit",
	Short:    "signal queue",
	Title:    "queue of pending signals nearly full",
	Severity: model.Warning,
	Means: "So many signals are queued for a user's processes that the limit (RLIMIT_SIGPENDING) is nearly reached. Past it sigqueue fails with EAGAIN, " +
		"real-time signals that the kernel sends (timers, asynchronous I/O, F_SETSIG) are lost, and timer_create fails.",
	Evidence: "SigQ in /proc/PID/status: queued for the real user, and this process's limit. The processes named are those of the user that have " +
		"signals pending and whose own limit is near.",
	Do:         "Find the process that blocks a signal and is sent many of it; ending it empties the queue. The limit is set by ulimit -i.",
	FalseAlarm: "The kernel counts for each user, not for each process: it is inferred from pending signals whose they are.",
	find:       findSignalQueueNearLimit,
}

func findSignalQueueNearLimit(v *view) []finding {
	type group struct {
		uid   model.Opt[int]
		limit int64
	}
	members := map[group][]*model.Process{}
	var groups []group
	for i := range v.Processes {
		p := v.Processes[i]
		if p.Signals == nil || dead(p) {
			continue
		}
		share := model.NewRatio(p.Signals.Queued, p.Signals.QueueLimit)
		if share.Or(0) < model.NearLimit || !hasPending(p) {
			continue
		}
		g := group{p.UID, p.Signals.QueueLimit.Or(0)}
		if members[g] == nil {
			groups = append(groups, g)
		}
		members[g] = append(members[g], p)
	}
	var list []finding
	for _, g := range groups {
		first := members[g][0]
		queued := first.Signals.Queued.Or(0)
		f := finding{about: fmt.Sprintf("uid%d:%d", g.uid.Or(-1), g.limit), Finding: model.Finding{
			Confidence: model.Likely,
			LoweredBy:  []string{"signals are counted for each user, not for each process"},
			Summary:    fmt.Sprintf("%d of %d signals are queued for the user of %s", queued, g.limit, v.name(first.PID)),
			Evidence:   []model.Evidence{{Source: fmt.Sprintf("/proc/%d/status", first.PID), Text: fmt.Sprintf("SigQ %d/%d", queued, g.limit)}},
		}}
		for _, p := range members[g] {
			f.PIDs = append(f.PIDs, p.PID)
		}
		if len(members[g]) == 1 {
			f.Root = v.root(first.PID, "has signals pending; "+v.doing(first.PID))
			f.Actions = []model.Action{v.end([]int{first.PID}, ", which empties its queue")}
		}
		list = append(list, f)
	}
	return list
}

// hasPending reports whether any signal is pending for a process or a thread of it.
func hasPending(p *model.Process) bool {
	if len(p.Signals.Pending)+len(p.Signals.SharedPending) > 0 {
		return true
	}
	for i := range p.ThreadList {
		if s := p.ThreadList[i].Signals; s != nil && len(s.Pending) > 0 {
			return true
		}
	}
	return false
}
