package diagnose

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/model"
)

var stoppedByTTYRule = Rule{
	ID:       "stopped-by-tty",
	Short:    "job stopped",
	Title:    "background job stopped because it wants the terminal",
	Severity: model.Warning,
	Means: "A process that is not in the foreground of its terminal has read from it, or written to it with stty tostop set, and was stopped by " +
		"SIGTTIN or SIGTTOU. It does nothing until it is brought to the foreground; anyone who waits for it waits, too.",
	Evidence: "State T in /proc/PID/stat, and its field exit_code: the signal that stopped the process.",
	Do: "Bring it to the foreground (fg in its shell), or give it something else to read: start it with < /dev/null. kill -CONT alone does not help: it " +
		"asks for the terminal again and is stopped again.",
	FalseAlarm: "It is a fact. Processes stopped by Ctrl-Z, SIGSTOP or a debugger are not reported. Where the kernel does not tell the signal " +
		"(before Linux 5.16, of processes one may not attach to, and once a shell with job control has been told of the stop), nothing is reported.",
	find: findStoppedByTTY,
}

func findStoppedByTTY(v *view) []finding {
	type job struct{ session, group int }
	members := map[job][]*model.Process{}
	var jobs []job
	for i := range v.Processes {
		p := v.Processes[i]
		if p.State != "T" || !stoppedByTTY(p) {
			continue
		}
		j := job{p.SID, p.PGID}
		if members[j] == nil {
			jobs = append(jobs, j)
		}
		members[j] = append(members[j], p)
	}
	var list []finding
	for _, j := range jobs {
		p := members[j][0]
		tty, wants := p.TTY, "tried to read from"
		if tty == "" {
			tty = "its terminal"
		}
		if p.StopSignal == "SIGTTOU" {
			wants = "tried to write to"
		}
		f := finding{Finding: model.Finding{
			Confidence: model.Certain,
			Summary:    fmt.Sprintf("%s is in the background, %s %s and was stopped for that", v.name(p.PID), wants, tty),
			Root:       v.root(p.PID, "stopped by "+p.StopSignal),
			Evidence:   []model.Evidence{{Source: fmt.Sprintf("/proc/%d/stat", p.PID), Text: "state T, exit_code " + p.StopSignal}},
		}}
		for _, m := range members[j] {
			f.PIDs = append(f.PIDs, m.PID)
		}
		f.Victims, f.Actions = v.endStopped(p.PID, f.PIDs)
		list = append(list, f)
	}
	return list
}

// stoppedByTTY reports whether a process was stopped because it used its terminal in the background.
func stoppedByTTY(p *model.Process) bool {
	return p.StopSignal == "SIGTTIN" || p.StopSignal == "SIGTTOU"
}

// endStopped returns the processes that wait for a stopped process, without the rest of its job,
// and the action that ends it: while it is stopped it handles no other signal.
func (v *view) endStopped(pid int, job []int) (victims []int, actions []model.Action) {
	var waits []*model.Wait
	for i := range v.Waits {
		if w := &v.Waits[i]; w.Confirmed && !v.graph.ForChild(w) && !slices.Contains(job, w.PID) && v.waitsForAny(w, []int{pid}) {
			waits = append(waits, w)
		}
	}
	r := v.graph.Without(pid).Released(waits)
	if len(r.Waits) > 0 {
		actions = []model.Action{v.endAtOnce(pid, v.releases(&r, "its"))}
	}
	return pidsOf(waits...), actions
}
