package diagnose

import (
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// The risks of an action.
const (
	noRisk      = "none"
	losesData   = "loses-data"
	endsProcess = "ends-process"
)

// kill is the action that asks a process to end.
func (v *view) kill(pid int, effect string) model.Action {
	return model.Action{Argv: []string{"kill", strconv.Itoa(pid)}, Effect: effect, Risk: endsProcess}
}

// killAll is the action that asks several processes to end, all of which must for
// something to happen.
func (v *view) killAll(pids []int, then string) model.Action {
	argv := []string{"kill"}
	for _, pid := range pids {
		argv = append(argv, strconv.Itoa(pid))
	}
	return model.Action{Argv: argv, Effect: "ends " + v.list(pids) + "; " + then, Risk: endsProcess}
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

// ipcrm removes a System V object: with -m, -q or -s. In another IPC namespace it
// is done by way of a process that lives there; without one, nil.
func (v *view) ipcrm(o *model.Object, flag string) []model.Action {
	id, ok := o.SysvID.Get()
	if !ok {
		return nil
	}
	argv := []string{"ipcrm", flag, strconv.Itoa(id)}
	if ns := o.Namespace; ns != nil && ns.Inode != v.Host.Namespaces[ns.Type] {
		pid := v.livesIn(ns)
		if pid == 0 {
			return nil
		}
		argv = append([]string{"nsenter", "--ipc", "--target", strconv.Itoa(pid)}, argv...)
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
	if ns := o.Namespace; path == "" || ns != nil && ns.Inode != v.Host.Namespaces[ns.Type] {
		return nil
	}
	return []model.Action{{Argv: []string{"rm", "--", path}, Effect: effect, Risk: risk}}
}

// resume are the actions that continue those of the processes that are stopped.
func (v *view) resume(pids []int) []model.Action {
	var list []model.Action
	for _, pid := range pids {
		if p := v.processes[pid]; p != nil && p.State == "T" {
			list = append(list, model.Action{Argv: []string{"kill", "-CONT", strconv.Itoa(pid)}, Effect: "lets " + p.Name() + " go on", Risk: noRisk})
		}
	}
	return list
}
