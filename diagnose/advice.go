package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

// The risks of an action.
const (
	noRisk      = "none"
	losesData   = "loses-data"
	endsProcess = "ends-process"
)

// maxTried is the largest number of processes that are tried for one finding.
const maxTried = 16

// maxOffered is the largest number of alternative actions that a finding offers.
const maxOffered = 4

// endOne returns the actions that end one of the processes and thereby some of the waits. Each
// is tried on the graph without the process. The one that releases most processes comes first.
func (v *view) endOne(pids []int, waits []*model.Wait) []model.Action {
	type way struct {
		action   model.Action
		released int
	}
	var ways []way
	for _, pid := range pids[:min(len(pids), maxTried)] {
		if p := v.processes[pid]; pid <= 1 || p != nil && p.Kernel { // the end of pid 1 would end the machine or the container
			continue
		}
		r := v.graph.Without(v.endWith(pid)...).Released(waits)
		if len(r.Waits) == 0 {
			continue
		}
		ways = append(ways, way{v.end([]int{pid}, v.releases(&r, "its")), len(pidsOf(r.Waits...))})
	}
	slices.SortStableFunc(ways, func(a, b way) int { return b.released - a.released })
	var list []model.Action
	for _, w := range ways[:min(len(ways), maxOffered)] {
		list = append(list, w.action)
	}
	return list
}

// releases says what an action releases, and which processes then continue; whose is "its" or "their".
func (v *view) releases(r *graph.Relief, whose string) string {
	text := ""
	switch {
	case r.Locks && r.Closes:
		text = "; " + whose + " locks and descriptors are released"
	case r.Locks:
		text = "; " + whose + " locks are released"
	case r.Closes:
		text = "; " + whose + " descriptors are closed"
	}
	pids := pidsOf(r.Waits...)
	text += "; " + v.some(pids) + verb(len(pids), " goes on", " go on")
	if v.oneAfterOther(r.Waits) {
		text += ", one after the other"
	}
	return text
}

// oneAfterOther reports whether several processes wait for an exclusive lock on the same file: they
// continue one after the other.
func (v *view) oneAfterOther(waits []*model.Wait) bool {
	first := map[string]int{}
	for _, w := range waits {
		if w.Needs != model.NeedsLock || w.Target == nil || w.Target.Mode != "WRITE" {
			continue
		}
		if pid, met := first[w.Object]; met && pid != w.PID {
			return true
		}
		first[w.Object] = w.PID
	}
	return false
}

// endAll returns the actions that end some of the waits: to end one of the processes if that is
// enough, else all of them together.
func (v *view) endAll(pids []int, waits []*model.Wait) []model.Action {
	if list := v.endOne(pids, waits); list != nil || len(pids) < 2 || len(pids) > maxTried {
		return list
	}
	r := v.graph.Without(v.endWith(pids...)...).Released(waits)
	if len(r.Waits) == 0 || slices.Min(pids) <= 1 {
		return nil
	}
	return []model.Action{v.end(pids, v.releases(&r, "their"))}
}

// some names processes, of many only the first ones.
func (v *view) some(pids []int) string {
	if more := len(pids) - maxNames; more > 0 {
		var names []string
		for _, pid := range pids[:maxNames] {
			names = append(names, v.name(pid))
		}
		return strings.Join(names, ", ") + fmt.Sprintf(" and %d more", more)
	}
	return v.list(pids)
}

// list names all of the processes.
func (v *view) list(pids []int) string {
	var names []string
	for _, pid := range pids {
		names = append(names, v.name(pid))
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// resume returns the action that resumes a stopped process together with its stopped
// descendants: it may wait for them, as a shell does.
func (v *view) resume(pid int, then string) model.Action {
	pids := v.stoppedBelow(pid)
	argv := []string{"kill", "-CONT"}
	for _, pid := range pids {
		argv = append(argv, model.PIDNumber(pid))
	}
	return model.Action{Argv: argv, Effect: "lets " + v.list(pids) + " go on" + then, Risk: noRisk}
}

// stoppedBelow returns a stopped process and those of its descendants that are stopped and continue
// when they get SIGCONT.
func (v *view) stoppedBelow(pid int) []int {
	pids, family, seen := []int{pid}, []int{pid}, map[int]bool{pid: true}
	for at := 0; at < len(family) && len(pids) < maxTried; at++ {
		for _, p := range v.children[family[at]] {
			if seen[p.PID] {
				continue
			}
			family, seen[p.PID] = append(family, p.PID), true
			if v.mayGoOn(p.PID) {
				pids = append(pids, p.PID)
			}
		}
	}
	return pids
}

// mayGoOn reports whether a process is stopped and continues when it gets SIGCONT. A process that
// was stopped because it used its terminal would use it again, and be stopped again.
func (v *view) mayGoOn(pid int) bool {
	p := v.processes[pid]
	return p != nil && p.State == "T" && !stoppedByTTY(p)
}

// resumeOne returns the action that resumes a stopped process, if that releases some of the
// waits.
func (v *view) resumeOne(pid int, waits []*model.Wait) []model.Action {
	if !v.mayGoOn(pid) {
		return nil
	}
	pids := v.stoppedBelow(pid)
	r := v.graph.Resumed(pids...).Released(waits)
	if len(r.Waits) == 0 {
		return nil
	}
	whose := "its"
	if len(pids) > 1 {
		whose = "their"
	}
	return []model.Action{v.resume(pid, v.releases(&r, whose))}
}

// resumeAny returns, for each stopped one of the processes, the action that resumes it, if that
// releases some of the waits.
func (v *view) resumeAny(pids []int, waits []*model.Wait) []model.Action {
	var list []model.Action
	for _, pid := range pids[:min(len(pids), maxTried)] {
		list = append(list, v.resumeOne(pid, waits)...)
	}
	return list
}

// ipcrm returns the action that removes a System V object; flag is -m, -q or -s. If the object is
// in another IPC namespace, the command enters that through a process in it; nil if none is known.
func (v *view) ipcrm(o *model.Object, flag string) []model.Action {
	id, ok := o.SysvID.Get()
	if !ok {
		return nil
	}
	argv := []string{"ipcrm", flag, strconv.Itoa(id)}
	if ns := o.Namespace; ns != nil && !v.OwnNamespace(ns.Type, ns.Inode) {
		pid := v.livesIn(ns)
		if pid == 0 {
			return nil
		}
		argv = append([]string{"nsenter", "--ipc", "--target", model.PIDNumber(pid)}, argv...)
	}
	return []model.Action{{Argv: argv, Effect: "removes it and what is in it", Risk: losesData}}
}

// livesIn returns a process in a namespace; 0 if none is known.
func (v *view) livesIn(ns *model.Namespace) int {
	for i := range v.Processes {
		if v.Processes[i].Namespaces[ns.Type] == ns.Inode {
			return v.Processes[i].PID
		}
	}
	return 0
}

// remove returns the action that removes a file by its path; nil unless the object is in
// ipctop's own mount namespace.
func (v *view) remove(o *model.Object, path, effect string, risk string) []model.Action {
	if ns := o.Namespace; path == "" || ns != nil && !v.OwnNamespace(ns.Type, ns.Inode) {
		return nil
	}
	return []model.Action{{Argv: []string{"rm", "--", path}, Effect: effect, Risk: risk}}
}
