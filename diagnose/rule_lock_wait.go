package diagnose

import (
	"fmt"
	"slices"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var lockWaitRule = Rule{
	ID:       "lock-wait",
	Title:    "lock contention",
	Severity: model.Warning,
	Means: "Processes wait for a lock on a file or for a mutex for longer than --min-age, and its holder does something else. Nothing is wrong " +
		"with the lock; the question is what its holder does, or waits for.",
	Evidence: "The blocked call (/proc/PID/task/TID/syscall). For a file lock, /proc/locks and the lock: lines of fdinfo. For a mutex, the owner that the futex names, " +
		"by its thread id in its pid namespace. If the futex names no owner, or the id exists in several namespaces, all possible holders are named, and the finding is likely at most. " +
		"It is also likely at most if no conflicting lock is listed: /proc/locks shows only locks of its own pid namespace, and none of other hosts.",
	Do: "Look at what the holder does (ipctop why PID). A file lock is released when all processes that have its open file description have ended; a mutex " +
		"that is not robust stays locked.",
	FalseAlarm: "Waiting for a lock is normal. A holder that works, and releases it soon, is not a fault; raise --min-age to what is usual for " +
		"you. Servers whose processes take turns at accept, using a lock, are not reported: the holder waits for connections at a listening socket that the waiters " +
		"have, too. If the holder runs, it may just have accepted a connection, and the finding is info.",
	find: findLockWait,
}

func findLockWait(v *view) []finding {
	var list []finding
	for _, o := range v.awaited() {
		waits := v.blocked(o.ID, func(w *model.Wait) bool {
			return w.Needs == model.NeedsLock && v.graph.Firm(w) && o.Kind != model.SysvSem // System V semaphores have no owner
		})
		if len(waits) == 0 {
			continue
		}
		if f, unseen := v.lockedElsewhere(o, waits); unseen {
			list = append(list, f)
			continue
		}
		chain := v.graph.Chain(waits[0])
		holders := v.lockHolders(waits)
		owners, unsure := v.mayOwn(&chain.Steps[0])
		if len(owners) > 0 {
			holders = owners
		}
		root := v.lockHolder(&chain, holders)
		if root == 0 {
			continue
		}
		end := v.graph.Doing(root)
		turn := v.turnsOf(&end, waits)
		victims := slices.DeleteFunc(pidsOf(waits...), func(pid int) bool { return pid == root })
		if len(victims) == 0 || turn == serves {
			continue // threads of one process and its own lock, or servers that take turns at accept
		}
		confidence, lowered := v.chainConfidence(&graph.Chain{Steps: chain.Steps[:1]})
		f := finding{Finding: model.Finding{
			Confidence: confidence, LoweredBy: lowered, Since: v.since(waits...), Objects: []string{o.ID}, Victims: victims, Root: v.rootOf(&end),
			Summary: fmt.Sprintf("%s %s for %s, locked by %s, which %s", v.subject(victims), verb(len(victims), "waits", "wait"), v.graph.Label(o.ID),
				v.name(root), end.Doing),
			Chain: v.chain(chain), Evidence: v.evidence(waits...), PIDs: slices.Clone(holders),
		}, explains: waits}
		if p := chain.End.Process; end.Kind == graph.Stuck && p != nil && p.PID != root && chain.Cycle < 0 {
			f.PIDs = append(f.PIDs, p.PID)
			f.Summary += "; the chain ends at " + v.name(p.PID) + ", which " + chain.End.Doing
		}
		if turn == working {
			f.Severity = model.Info
		}
		if unsure != "" { // it would be a guess to blame one of them, or to end it
			f.Root, f.Chain = nil, f.Chain[:min(1, len(f.Chain))]
			f.Summary = fmt.Sprintf("%s %s for %s, locked by one of %s", v.subject(victims), verb(len(victims), "waits", "wait"), v.graph.Label(o.ID), v.some(owners))
			list = append(list, f)
			continue
		}
		f.Actions = v.resumeHolder(holders, victims)
		if f.Actions == nil && chain.End.Kind != graph.Running {
			f.Actions = v.endAll(holders, waits) // a process that works, or waits for one that works, should not be ended for that
		}
		list = append(list, f)
	}
	return list
}

// resumeHolder is the action that resumes a stopped process which holds a lock together with others that
// are not stopped, such as its children: any of them may release the lock.
func (v *view) resumeHolder(holders, victims []int) []model.Action {
	for _, pid := range holders {
		if v.mayGoOn(pid) {
			return []model.Action{v.resume(pid, "; "+v.some(victims)+verb(len(victims), " goes on", " go on")+" if that releases the lock")}
		}
	}
	return nil
}

// lockedElsewhere returns the finding for a lock whose holder is not visible from here.
func (v *view) lockedElsewhere(o *model.Object, waits []*model.Wait) (f finding, unseen bool) {
	waits = slices.DeleteFunc(slices.Clone(waits), func(w *model.Wait) bool { return v.graph.UnseenHolder(w) == "" })
	if len(waits) == 0 {
		return f, false
	}
	victims := pidsOf(waits...)
	return finding{Finding: model.Finding{
		Confidence: model.Likely, LoweredBy: []string{"the holder of the lock is not known"}, Since: v.since(waits...), Objects: []string{o.ID}, Victims: victims,
		Summary: fmt.Sprintf("%s %s for %s: %s", v.subject(victims), verb(len(victims), "waits", "wait"), v.graph.Label(o.ID), v.graph.UnseenHolder(waits[0])),
		Chain:   []model.Step{v.stepOf(waits[0], nil)},
		Evidence: append(v.evidence(waits...), model.Evidence{Source: "/proc/locks", Text: "no conflicting lock with a visible holder is listed: it shows only locks of its own pid " +
			"namespace, and none of other hosts"}),
	}, explains: waits}, true
}

// mayOwn returns the processes of which one holds the futex of a step, if the owner is not known;
// and why it is not known, if there are several.
func (v *view) mayOwn(s *graph.Step) (pids []int, why string) {
	o := v.graph.Object(s.Wait.Object)
	if o == nil || s.Clause == nil || s.Wait.Needs != model.NeedsLock {
		return nil, ""
	}
	d, ok := o.Detail.(*model.FutexDetail)
	if !ok || d.OwnerTID.Known() || d.OwnerGone() {
		return nil, ""
	}
	for _, pid := range v.graph.Releasers(s.Clause, s.Wait) {
		if p := v.processes[pid]; p != nil && p.Threads <= 1 && slices.ContainsFunc(v.waitsOf[pid], func(w *model.Wait) bool { return w.Object == o.ID }) {
			continue // its only thread waits for the futex, too
		}
		pids = append(pids, pid)
	}
	switch {
	case len(pids) < 2:
		return pids, ""
	case len(d.PossibleOwners) > 0:
		return pids, "threads in several pid namespaces have the owner's id"
	}
	return pids, "which process holds " + o.ID + " is not known"
}

// lockHolder chooses the holder of a lock to name: the ancestor in a family that shares
// the lock, such as a script and the commands that it starts. 0: there is none.
func (v *view) lockHolder(c *graph.Chain, holders []int) int {
	for _, pid := range holders {
		if p := v.processes[pid]; p != nil && len(holders) > 1 && slices.Contains(holders, p.PPID) {
			continue
		}
		if c.End.Process == nil || !slices.Contains(holders, c.End.Process.PID) || pid == c.End.Process.PID || v.ancestorOf(c.End.Process.PID, pid) {
			return pid
		}
	}
	if len(holders) > 0 {
		return holders[0]
	}
	return 0
}

// ancestorOf reports whether one process is an ancestor of another.
func (v *view) ancestorOf(pid, ancestor int) bool {
	for range len(v.processes) {
		p := v.processes[pid]
		if p == nil || p.PPID == 0 {
			return false
		}
		if p.PPID == ancestor {
			return true
		}
		pid = p.PPID
	}
	return false
}

// turn says what the holder of a lock does if several servers take turns at accept.
type turn uint8

const (
	noTurns turn = iota // they do not take turns
	serves              // it waits for connections
	working             // it runs: it may have just accepted a connection
)

// turnsOf reports whether the holder of a lock and the waiters are servers that take turns
// at accept: they run the same program and have the same listening socket, no matter which
// of them started the other.
func (v *view) turnsOf(holder *graph.End, waits []*model.Wait) turn {
	p := holder.Process
	if p == nil {
		return noTurns
	}
	kind := serves
	listeners := v.servedBy(p.PID, waits)
	if len(listeners) == 0 && holder.Kind == graph.Running {
		kind, listeners = working, v.listenersOf()[p.PID]
	}
	if len(listeners) == 0 {
		return noTurns
	}
	for _, w := range waits {
		q := v.processes[w.PID]
		if q == nil || q.Exe != p.Exe || q.Comm != p.Comm ||
			!slices.ContainsFunc(listeners, func(o *model.Object) bool { return slices.Contains(v.listenersOf()[w.PID], o) }) {
			return noTurns
		}
	}
	return kind
}

// servedBy returns the listening sockets at which a lock's holder waits for connections, or
// has just done so. Only the thread that owns the lock counts if the waits say which one that
// is, else every thread of the process.
func (v *view) servedBy(holder int, waits []*model.Wait) []*model.Object {
	owner := map[int]bool{}
	for _, w := range waits {
		for _, c := range v.graph.Clauses(w) {
			for _, tid := range c.Threads {
				owner[tid] = true
			}
		}
	}
	var list []*model.Object
	for _, w := range v.waitsOf[holder] {
		if len(owner) == 0 || owner[w.TID] {
			list = append(list, v.graph.Listeners(w)...)
		}
	}
	return list
}

// listenersOf returns the listening sockets of each process.
func (v *view) listenersOf() map[int][]*model.Object {
	if v.listeners != nil {
		return v.listeners
	}
	v.listeners = map[int][]*model.Object{}
	for _, o := range v.graph.Marked(graph.Listens) {
		for _, pid := range holders(o, nil) {
			v.listeners[pid] = append(v.listeners[pid], o)
		}
	}
	return v.listeners
}

// serving reports whether a chain ends at a process that waits for a connection.
func (v *view) serving(e *graph.End) bool {
	w := v.waits[e.TID]
	return e.Kind == graph.Idle && w != nil && v.graph.Serves(w)
}

// lockHolders returns the processes that hold what the waits need.
func (v *view) lockHolders(waits []*model.Wait) []int {
	var pids []int
	for _, w := range waits {
		clauses := v.graph.Clauses(w)
		for i := range clauses {
			pids = append(pids, v.graph.Releasers(&clauses[i], w)...)
		}
	}
	return set(pids)
}
