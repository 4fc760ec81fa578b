package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

var termSignalBlockedRule = Rule{
	ID:       "term-signal-blocked",
	Short:    "TERM blocked",
	Title:    "process that was told to end and blocks the signal",
	Severity: model.Warning,
	Means: "SIGTERM, SIGINT, SIGHUP or SIGQUIT was sent to the process and is pending, because every thread that could take it blocks it. kill, Ctrl-C " +
		"and service managers have no effect until a thread unblocks it; then it takes effect at once.",
	Evidence: "SigPnd, ShdPnd and SigBlk in /proc/PID/status and of each thread: a pending signal that no thread is left for.",
	Do: "Find out why it blocks the signal: a program that takes signals by sigwait or signalfd blocks them on purpose, and then the thread that should read them " +
		"is stuck. kill -KILL cannot be blocked, and leaves no time to clean up.",
	FalseAlarm: "A program that takes signals by sigwait or signalfd has them pending for a moment. Only what has not run for --min-age is reported, and with " +
		"a signalfd for that signal it is likely at most.",
	find: findTermSignalBlocked,
}

// termSignals are the signals that ask a process to end.
var termSignals = []string{"SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"}

func findTermSignalBlocked(v *view) []finding {
	var list []finding
	for i := range v.Processes {
		p := v.Processes[i]
		if p.Signals == nil || dead(p) {
			continue
		}
		stuck := blockedForGood(p)
		if len(stuck) == 0 || !v.idleFor(p.PID) {
			continue
		}
		names := strings.Join(stuck, ", ")
		f := finding{Finding: model.Finding{
			Confidence: model.Certain,
			Summary:    fmt.Sprintf("%s was sent %s, which has no effect because the process blocks it", v.name(p.PID), names),
			Root:       v.root(p.PID, "blocks "+names+"; "+v.doing(p.PID)),
			Evidence:   []model.Evidence{{Source: fmt.Sprintf("/proc/%d/status", p.PID), Text: "pending and blocked in every thread: " + names}},
			Actions:    []model.Action{v.endAtOnce(p.PID, "")},
		}}
		if fd := v.signalfdFor(p.PID, stuck); fd != "" {
			f.Confidence, f.LoweredBy = model.Likely, []string{"it may yet read the signal from " + fd}
		}
		list = append(list, f)
	}
	return list
}

// blockedForGood lists the termination signals that are pending and cannot be delivered to
// any thread. If a thread's masks are missing in the snapshot, they are the same as the
// main thread's.
func blockedForGood(p *model.Process) []string {
	var list []string
	for _, sig := range termSignals {
		own := slices.Contains(p.Signals.Blocked, sig) && slices.Contains(p.Signals.Pending, sig) // sent to the main thread alone
		if own || slices.Contains(p.Signals.SharedPending, sig) && p.Blocks(sig) {
			list = append(list, sig)
		}
	}
	return list
}

// signalfdFor returns a signalfd of a process that receives one of these signals.
func (v *view) signalfdFor(pid int, signals []string) string {
	for _, o := range v.graph.OfKind(model.Signalfd) {
		d, ok := o.Detail.(*model.SignalfdDetail)
		if !ok || !slices.ContainsFunc(d.Signals, func(s string) bool { return slices.Contains(signals, s) }) {
			continue
		}
		if slices.Contains(holders(o, nil), pid) {
			return o.ID
		}
	}
	return ""
}
