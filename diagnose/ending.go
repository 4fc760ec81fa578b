package diagnose

import (
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// termination is the effect of SIGTERM on a process.
type termination int

const (
	dies    termination = iota // the kernel ends it
	decides                    // it receives the signal, and may end
	stays                      // the signal has no effect
)

// onTerm returns the effect of SIGTERM on a process (signal(7)).
func (v *view) onTerm(pid int) termination {
	const term = "SIGTERM"
	p := v.processes[pid]
	switch {
	case p == nil:
		return decides // it is not known that it ends
	case halted(p):
		return stays // until it runs again
	case p.Signals == nil:
		return decides
	case v.waitsForSignal(p, term):
		return decides
	case p.Blocks(term):
		if v.mayRead(p, term) {
			return decides
		}
		return stays
	case slices.Contains(p.Signals.Ignored, term):
		return stays
	case slices.Contains(p.Signals.Caught, term), p.Signals.Blocked == nil, p.Signals.Ignored == nil, p.Signals.Caught == nil:
		return decides
	case p.FirstOfNamespace():
		// A signal without a handler has no effect on the first process of a pid
		// namespace (pid_namespaces(7)).
		return stays
	}
	return dies
}

// waitsForSignal reports whether a thread may wait for a signal in sigwait. During the wait
// the kernel removes the awaited signals from the thread's mask, so that they look unblocked.
// A process's signal goes to the main thread first, unless that blocks it.
func (v *view) waitsForSignal(p *model.Process, signal string) bool {
	for _, t := range p.AllThreads() {
		if p.ThreadBlocks(&t, signal) {
			continue
		}
		if w := v.waits[t.TID]; w != nil && w.Call == "rt_sigtimedwait" {
			return true
		}
		if t.TID == p.PID {
			return false
		}
	}
	return false
}

// mayRead reports whether a process that blocks a signal may read it from a signalfd: it holds
// a signalfd for it, and has a thread that waits there or that may not be stuck elsewhere.
func (v *view) mayRead(p *model.Process, signal string) bool {
	for _, o := range v.graph.OfKind(model.Signalfd) {
		d, ok := o.Detail.(*model.SignalfdDetail)
		if !ok || d.Signals != nil && !slices.Contains(d.Signals, signal) || !slices.Contains(holders(o, nil), p.PID) {
			continue
		}
		if slices.ContainsFunc(p.AllThreads(), func(t model.Thread) bool {
			w := v.waits[t.TID]
			return w == nil || !w.Confirmed || w.Partial || w.Timed.Or(true) || w.Object == o.ID || slices.Contains(w.Objects, o.ID)
		}) {
			return true
		}
	}
	return false
}

// end returns the action that ends all of the processes, by SIGTERM if that may have an effect on all
// of them. then says what happens afterwards and begins with a comma or semicolon.
func (v *view) end(pids []int, then string) model.Action {
	return v.endNamed(pids, v.list(pids), then)
}

// endNamed is [view.end] with a name for the processes.
func (v *view) endNamed(pids []int, name, then string) model.Action {
	worst := dies
	for _, pid := range pids {
		worst = max(worst, v.onTerm(pid))
	}
	return v.endIf(worst, pids, name, then)
}

// endAtOnce returns the action that ends a process which SIGTERM does not end.
func (v *view) endAtOnce(pid int, then string) model.Action {
	return v.endIf(stays, []int{pid}, v.name(pid), then)
}

// endIf returns the action that ends processes on which SIGTERM has a known effect.
func (v *view) endIf(becomes termination, pids []int, name, then string) model.Action {
	then += v.alsoEnds(pids)
	argv, effect := []string{"kill"}, "ends "+name+then
	switch becomes {
	case decides:
		if rest, ok := strings.CutPrefix(then, "; "); ok {
			then = "; when " + verb(len(pids), "it does, ", "they do, ") + rest
		}
		effect = "asks " + name + " to end" + then
	case stays:
		argv, effect = append(argv, "-KILL"), "ends "+name+" without letting "+verb(len(pids), "it", "them")+" clean up"+then
	}
	for _, pid := range pids {
		argv = append(argv, model.PIDNumber(pid))
	}
	return model.Action{Argv: argv, Effect: effect, Risk: endsProcess}
}

// alsoEnds says which other processes end as well: when the first process of a pid
// namespace ends, the kernel ends all others in it.
func (v *view) alsoEnds(pids []int) string {
	for _, pid := range pids {
		if p := v.processes[pid]; p != nil && p.FirstOfNamespace() {
			return "; all of the pid namespace of " + v.name(pid) + " ends with it"
		}
	}
	return ""
}

// endWith returns the processes and those that end with them, because they are in a pid
// namespace whose first process is among them.
func (v *view) endWith(pids ...int) []int {
	all := slices.Clone(pids)
	for _, pid := range pids {
		first := v.processes[pid]
		if first == nil || !first.FirstOfNamespace() {
			continue
		}
		ns := first.Namespaces["pid"]
		for _, p := range v.Processes {
			if ns != 0 && p.Namespaces["pid"] == ns || v.below(p, first) {
				all = append(all, p.PID)
			}
		}
	}
	return set(all)
}

// below reports whether a process is in the pid namespace of first, its first process, or in a
// descendant namespace: it is if it descends from first, or was adopted by it.
func (v *view) below(p, first *model.Process) bool {
	for steps := 0; p != nil && len(p.NSPIDs) >= len(first.NSPIDs) && steps < 64; steps++ {
		if p.PID == first.PID {
			return true
		}
		p = v.processes[p.PPID]
	}
	return false
}
