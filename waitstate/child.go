package waitstate

import "github.com/ipctop/ipctop/model"

// numberIn identifies a process by its pid in another pid namespace: if parent is set, in the pid
// namespace of its parent (or tracer), else in its own pid namespace.
type numberIn struct {
	parent    int
	namespace uint64
	number    int
}

// childOutside translates the pid argument of wait4(2) from the pid namespace of the calling
// process p to ipctop's. It is unknown if no visible process has that pid there.
func (r *pass) childOutside(p *model.Process, child int) model.Opt[int] {
	if len(p.NSPIDs) == 0 || child == -1 || child == 0 { // any child, or any of its own group
		return model.Some(child)
	}
	if r.outside == nil {
		r.outside = map[numberIn]int{}
		for _, q := range r.j.Processes {
			r.noteNumbers(q)
		}
	}
	if child > 0 {
		if pid, ok := r.outside[numberIn{parent: p.PID, number: child}]; ok {
			return model.Some(pid)
		}
	} else if leader, ok := r.outside[numberIn{namespace: p.Namespaces["pid"], number: -child}]; ok {
		return model.Some(-leader)
	}
	return model.Opt[int]{}
}

// noteNumbers records the pids of a process as its parent, its tracer and the processes in its
// pid namespace see them.
func (r *pass) noteNumbers(q *model.Process) {
	inner := len(q.NSPIDs)
	if inner == 0 {
		return
	}
	r.outside[numberIn{namespace: q.Namespaces["pid"], number: q.NSPIDs[inner-1]}] = q.PID
	for _, pid := range []int{q.PPID, q.Tracer} {
		if p := r.j.Processes[int32(pid)]; p != nil && len(p.NSPIDs) > 0 && len(p.NSPIDs) <= inner {
			r.outside[numberIn{parent: pid, number: q.NSPIDs[len(p.NSPIDs)-1]}] = q.PID
		}
	}
}
