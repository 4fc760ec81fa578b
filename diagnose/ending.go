package diagnose

import (
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// termination is what becomes of a process that SIGTERM is sent to.
type termination int

const (
	dies    termination = iota // the kernel ends it
	decides                    // it is told, and may end
	stays                      // no thread of it hears of it
)

// onTerm tells what becomes of a process that SIGTERM is sent to (signal(7)).
func (v *view) onTerm(pid int) termination {
	const term = "SIGTERM"
	p := v.processes[pid]
	switch {
	case p == nil:
		return decides // that it ends would be a guess
	case halted(p):
		return stays // until it goes on
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
		// The kernel does with signals to the first process of a pid namespace what
		// a handler says, and nothing without one (pid_namespaces(7)).
		return stays
	}
	return dies
}

// waitsForSignal reports whether a thread may be in sigwait for a signal. While it waits
// the kernel takes the signals waited for out of its mask, so that it looks as if it did
// not block them. The main thread gets a signal first, if that does not block it.
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

// mayRead reports whether a process that blocks a signal may take it from a signalfd: it
// has one for it, and a thread that waits at that or is not seen to wait for something else.
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

// end is the action that ends some processes, all of which must for something to happen:
// it asks them, if that is of any use to all of them. What follows begins with a comma or
// semicolon.
func (v *view) end(pids []int, then string) model.Action {
	return v.endNamed(pids, v.list(pids), then)
}

// endNamed is [view.end] with what to call the processes.
func (v *view) endNamed(pids []int, name, then string) model.Action {
	worst := dies
	for _, pid := range pids {
		worst = max(worst, v.onTerm(pid))
	}
	return v.endIf(worst, pids, name, then)
}

// endAtOnce is the action that ends a process that SIGTERM does not.
func (v *view) endAtOnce(pid int, then string) model.Action {
	return v.endIf(stays, []int{pid}, v.name(pid), then)
}

// endIf is the action that ends some processes if that becomes of them when they are asked to.
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

// alsoEnds says that more ends than some processes: with the first process of a pid
// namespace the kernel ends all others in there.
func (v *view) alsoEnds(pids []int) string {
	for _, pid := range pids {
		if p := v.processes[pid]; p != nil && p.FirstOfNamespace() {
			return "; all of the pid namespace of " + v.name(pid) + " ends with it"
		}
	}
	return ""
}

// endWith are some processes and those that end with them, as they live in a pid namespace
// whose first process is among them.
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

// below reports whether a process lives in the pid namespace of another one or in one
// below: descendants of its first process do, as do those that it has adopted.
func (v *view) below(p, first *model.Process) bool {
	for steps := 0; p != nil && len(p.NSPIDs) >= len(first.NSPIDs) && steps < 64; steps++ {
		if p.PID == first.PID {
			return true
		}
		p = v.processes[p.PPID]
	}
	return false
}
