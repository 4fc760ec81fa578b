package waitstate

import "github.com/ipctop/ipctop/model"

// numberIn is a number that a process has in a pid namespace: of a child, in the one that its
// parent lives in; else in the one that it lives in itself.
type numberIn struct {
	parent    int
	namespace uint64
	number    int
}

// childOutside is what a process that waits for children has asked wait4(2) for, with the numbers
// of ipctop's pid namespace: a process names others by the numbers of the one that it lives in.
// It is unknown where nobody is seen that has the number there.
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

// noteNumbers notes by what numbers a process is known to its parent, its tracer and those that
// live in its pid namespace.
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
