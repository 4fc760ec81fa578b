package diagnose

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/model"
)

var keptOpenRule = Rule{
	ID:       "kept-open",
	Title:    "end of file withheld by a background process",
	Severity: model.Warning,
	Means: "A process reads the output of a command until its end, and the command has ended; but a process that the command started in the background " +
		"inherited the write end of the pipe and keeps it open, so that the end of the file does not come. This is how $(…), ssh, subprocess with " +
		"capture_output, Go's exec.Command(…).Output and cron hang after a daemon was started.",
	Evidence: "The blocked read or poll (/proc/PID/task/TID/syscall), and all holders of the other end: the processes that started " +
		"them have ended, because they no longer descend from the reader or its parent.",
	Do: "Redirect the output of the background process when it is started: COMMAND >/dev/null 2>&1 </dev/null &. Ending the process that keeps the pipe lets the " +
		"reader go on.",
	FalseAlarm: "A background process may be meant to write to the pipe; then the reader waits for its output. It is likely at most. Not reported are processes that the reader " +
		"or its parent still runs, stages of a pipeline, a supervisor that reads the output of its services, and a logger that was left behind together with its writers.",
	find: findKeptOpen,
}

func findKeptOpen(v *view) []finding {
	var list []finding
	for _, o := range v.awaited() {
		if o.Kind != model.Pipe && o.Kind != model.Unix {
			continue
		}
		waits := v.blocked(o.ID, func(w *model.Wait) bool { return v.awaitsEnd(w) })
		if len(waits) == 0 {
			continue
		}
		end := v.writeEnd(o)
		if end == nil {
			continue
		}
		keepers := v.keepersOf(end, o, waits[0])
		if len(keepers) == 0 {
			continue
		}
		confidence, lowered := v.absence(end)
		first := int(keepers[0].PID)
		doing := v.graph.Doing(first)
		victims := pidsOf(waits...)
		var pids []int
		for _, h := range keepers {
			pids = append(pids, int(h.PID))
		}
		pids = set(pids)
		actions := v.endAll(pids, waits)
		for i := range actions {
			actions[i].Effect += "; next time, redirect its output"
		}
		severity := model.Warning
		if keepers[0].FD.Or(0) > 2 {
			severity = model.Info // not its standard output or error: it may write to the reader later, as daemons do when they are ready
		}
		list = append(list, finding{Finding: model.Finding{
			Severity: severity, Confidence: lower(confidence, model.Likely), LoweredBy: append(lowered, v.name(first)+" may be meant to write to it"), Since: v.since(waits...),
			Objects: []string{o.ID}, Victims: victims, Root: v.rootOf(&doing), PIDs: pids,
			Summary: fmt.Sprintf("%s %s for the end of %s, which %s keeps open as fd %d: the process that started it has ended", v.subject(victims),
				verb(len(victims), "waits", "wait"), v.graph.Label(o.ID), v.name(first), keepers[0].FD.Or(0)),
			Chain: []model.Step{v.stepOf(waits[0], nil)},
			Evidence: append(v.evidence(waits...), v.holding(end.ID), model.Evidence{
				Source: fmt.Sprintf("/proc/%d/stat", first), Text: fmt.Sprintf("parent %d, which did not start it", v.processes[first].PPID),
			}),
			Actions: actions,
		}, explains: waits})
	}
	return list
}

// awaitsEnd reports whether a thread waits for data from one descriptor, or from a few: a
// command's standard output and error, and the descriptor with which a runtime wakes itself.
func (v *view) awaitsEnd(w *model.Wait) bool {
	const few = 16
	switch {
	case w.Needs == model.NeedsData:
		return true
	case w.Needs != model.NeedsEvent || len(w.Objects) == 0 || len(w.Objects) > few || v.graph.Serves(w):
		return false
	}
	// A process with living children may read their output, too.
	for _, p := range v.children[w.PID] {
		if !dead(p) {
			return false
		}
	}
	return true
}

// writeEnd returns the object whose holders can write what is read from o: the
// pipe itself, or the other end of a socket pair.
func (v *view) writeEnd(o *model.Object) *model.Object {
	if o.Kind == model.Pipe {
		return o
	}
	d, ok := o.Detail.(*model.UnixDetail)
	if !ok || d.Type != "stream" || d.Path != "" || d.Abstract != "" || len(o.Peers) != 1 {
		return nil
	}
	peer := v.graph.Object(o.Peers[0].ID)
	if peer == nil {
		return nil
	}
	if d, ok := peer.Detail.(*model.UnixDetail); !ok || d.Path != "" || d.Abstract != "" {
		return nil // a connection to a server: each end was made by the process that has it
	}
	return peer
}

// keepersOf returns the holders that keep the write end open for a process that reads, if all of them
// are strays; else none. The process that started the others comes first.
func (v *view) keepersOf(end, o *model.Object, w *model.Wait) []*model.Holder {
	reader := v.processes[w.PID]
	if reader == nil || reader.PID <= 1 {
		return nil
	}
	var list []*model.Holder
	writers := map[int]bool{}
	for i := range end.Holders {
		h := &end.Holders[i]
		switch {
		case h.Via != model.ViaFD:
			return nil
		case end == o && h.Access == "":
			return nil
		case end == o && !h.Access.CanWrite():
			continue
		case v.processes[int(h.PID)] == nil || int(h.PID) == reader.PID:
			return nil
		}
		if !writers[int(h.PID)] {
			writers[int(h.PID)] = true
			list = append(list, h)
		}
	}
	for _, h := range list {
		p := v.processes[int(h.PID)]
		for n := 0; writers[p.PPID] && n < len(list); n++ {
			p = v.processes[p.PPID]
		}
		if !v.stray(p, reader) {
			return nil
		}
	}
	slices.SortStableFunc(list, func(a, b *model.Holder) int {
		p, q := v.processes[int(a.PID)], v.processes[int(b.PID)]
		switch {
		case writers[p.PPID] == writers[q.PPID]:
			return 0
		case writers[q.PPID]:
			return -1
		}
		return 1
	})
	return list
}

// stray reports whether a process was left behind by a process that the reader, or the
// reader's parent, had started: it descends from neither, and its own parent has ended.
func (v *view) stray(p, reader *model.Process) bool {
	below := p.PGID == reader.PID || p.SID == reader.PID // the group or session that the reader leads
	switch {
	case v.ancestorOf(p.PID, reader.PID) || v.ancestorOf(reader.PID, p.PID) || !below && !v.adopted(p):
		return false // one of them has started the other, such as a script that logs through tee
	case p.PPID == reader.PPID:
		return below // otherwise they may be siblings
	}
	// The leader of its group is an ancestor of the reader and did not start it itself.
	if l := v.processes[p.PGID]; l != nil && !dead(l) && v.ancestorOf(reader.PID, l.PID) && l.PPID != p.PPID {
		return true
	}
	// The reader's family may have been left behind as well: then the two may have been siblings.
	head := reader
	for n := 0; n < len(v.processes) && !v.reaper(head.PPID) && v.processes[head.PPID] != nil; n++ {
		head = v.processes[head.PPID]
	}
	return head.PGID == head.PID || head.SID == head.PID || younger(p, reader)
}

// adopted reports whether the process that started p has ended: p's parent adopts orphaned
// processes, or p does not descend from the leader of its session although that lives.
func (v *view) adopted(p *model.Process) bool {
	leader := v.processes[p.SID]
	return v.reaper(p.PPID) || p.SID != p.PID && leader != nil && !dead(leader) && !v.ancestorOf(p.PID, leader.PID)
}

// younger reports whether p was started after q.
func younger(p, q *model.Process) bool {
	if p.StartTicks != q.StartTicks {
		return p.StartTicks > q.StartTicks
	}
	return p.PID > q.PID
}

// reaper reports whether a process adopts orphaned processes: the first process of a pid
// namespace, or a service manager.
func (v *view) reaper(pid int) bool {
	p := v.processes[pid]
	return pid <= 1 || p != nil && (p.Comm == "systemd" || p.FirstOfNamespace())
}
