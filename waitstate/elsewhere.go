package waitstate

import (
	"slices"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// lockedElsewhere looks for what stands in the way of threads that wait for a lock of which
// /proc/locks does not tell, as it lists those of its pid namespace alone. It makes the file an
// object, or nobody would know what they wait for, and has its descriptors asked for locks.
func (r *pass) lockedElsewhere(x *index) {
	unseen := map[fdKey]bool{}
	var files []*probe.Entry
	for _, t := range r.threads {
		if t.needs != model.NeedsLock || len(t.fds) != 1 {
			continue
		}
		switch e := x.descriptor(t, t.fds[0].fd); {
		case e == nil:
			unseen[fdKey{int32(t.proc.PID), int32(t.tid), t.fds[0].fd}] = true
			unseen[fdKey{int32(t.proc.PID), 0, t.fds[0].fd}] = true
		case !listed(t, e.Object) && !slices.Contains(files, e):
			files = append(files, e)
		}
	}
	if len(unseen) > 0 {
		files = append(files, r.describeFiles(x, unseen)...)
	}
	r.j.AskLocked(files)
}

// listed reports whether the kernel's table of locks has a thread among those who wait: below the
// lock that is in the way. It does not tell whose a wait for a lock of an open file description is.
func listed(t *thread, o *model.Object) bool {
	d, ok := o.Detail.(*model.FileDetail)
	return !ok || slices.ContainsFunc(d.Locks, func(l model.Lock) bool {
		return l.Blocked && l.Type == t.target.LockType && (l.PID == model.Some(t.proc.PID) || !l.PID.Known())
	})
}

// describeFiles makes objects of the files behind some descriptors that nobody else has described.
func (r *pass) describeFiles(x *index, wanted map[fdKey]bool) []*probe.Entry {
	var files []*probe.Entry
	for _, e := range r.j.Unclaimed(probe.Files) {
		if slices.ContainsFunc(e.Holders, func(h model.Holder) bool {
			fd, ok := h.FD.Get()
			return ok && h.Via == model.ViaFD && wanted[fdKey{h.PID, h.TID, fd}]
		}) {
			files = append(files, e)
		}
	}
	r.j.Each(files, func(task *guard.Task, e *probe.Entry) func() {
		facts := r.j.File(task, e)
		return func() { r.j.Describe(e, facts.Object(model.File, e.Key, facts.FileDetail())) }
	})
	files = slices.DeleteFunc(files, func(e *probe.Entry) bool { return e.Object == nil }) // who was asked did not answer
	for _, e := range files {
		for i := range e.Holders {
			x.hold(e, &e.Holders[i])
		}
	}
	return files
}
