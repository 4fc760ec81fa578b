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

// maxTried bounds how many processes are tried as the one to end, for one finding.
const maxTried = 16

// maxOffered is how many ways out a finding offers.
const maxOffered = 4

// endOne are the actions that end one of some processes, as far as that ends some of
// the waits: each is tried on the graph without the process. The one that releases
// most stands first.
func (v *view) endOne(pids []int, waits []*model.Wait) []model.Action {
	type way struct {
		action   model.Action
		released int
	}
	var ways []way
	for _, pid := range pids[:min(len(pids), maxTried)] {
		if p := v.processes[pid]; pid <= 1 || p != nil && p.Kernel { // without its first process a machine or a container ends
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

// releases says what an action releases, and who goes on then; whose is its or their.
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
	if v.inTurn(r.Waits) {
		text += ", one after the other"
	}
	return text
}

// inTurn reports whether several processes go on with an exclusive lock on the same file.
func (v *view) inTurn(waits []*model.Wait) bool {
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

// endAll are the actions that end processes so that some of the waits end: one of them,
// if that is enough, else all together.
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

// some names processes, the first ones of many.
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

// list names processes, all of which are meant.
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

// resume is the action that lets a stopped process go on, with those that are stopped of the
// processes that it has started, directly or not: it may wait for them, as a shell does.
func (v *view) resume(pid int, then string) model.Action {
	pids := v.stoppedBelow(pid)
	argv := []string{"kill", "-CONT"}
	for _, pid := range pids {
		argv = append(argv, model.PIDNumber(pid))
	}
	return model.Action{Argv: argv, Effect: "lets " + v.list(pids) + " go on" + then, Risk: noRisk}
}

// stoppedBelow is a process that is stopped and those of its descendants that are, as far as they go
// on when they are told to.
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

// mayGoOn reports whether a process is stopped and goes on when it is told to: one that
// the terminal has stopped would ask for it again, and be stopped again.
func (v *view) mayGoOn(pid int) bool {
	p := v.processes[pid]
	return p != nil && p.State == "T" && !stoppedByTTY(p)
}

// resumeOne is the action that lets a stopped process go on, if that releases some of
// the waits.
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

// resumeAny are the actions that let those of some processes go on that are stopped, as
// far as that releases some of the waits.
func (v *view) resumeAny(pids []int, waits []*model.Wait) []model.Action {
	var list []model.Action
	for _, pid := range pids[:min(len(pids), maxTried)] {
		list = append(list, v.resumeOne(pid, waits)...)
	}
	return list
}

// ipcrm removes a System V object: with -m, -q or -s. In another IPC namespace it
// is done by way of a process that lives there; without one, nil.
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

// livesIn is a process of a namespace, 0 if none is known.
func (v *view) livesIn(ns *model.Namespace) int {
	for i := range v.Processes {
		if v.Processes[i].Namespaces[ns.Type] == ns.Inode {
			return v.Processes[i].PID
		}
	}
	return 0
}

// remove removes a file by its path. It is only for objects of the mount
// namespace that ipctop itself is in; nil otherwise.
func (v *view) remove(o *model.Object, path, effect string, risk string) []model.Action {
	if ns := o.Namespace; path == "" || ns != nil && !v.OwnNamespace(ns.Type, ns.Inode) {
		return nil
	}
	return []model.Action{{Argv: []string{"rm", "--", path}, Effect: effect, Risk: risk}}
}
