package waitstate

import (
	"slices"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// lockedElsewhere handles threads that wait for a lock which /proc/locks does not list, because it
// lists only the locks of its pid namespace. It makes an object of the file, which otherwise would not
// be in the snapshot, and has the file's descriptors read for locks.
func (r *pass) lockedElsewhere(x *index) {
	unseen, waiters := map[fdKey]bool{}, map[*probe.Entry]map[lockWaiter]bool{}
	var files []*probe.Entry
	for _, t := range r.threads {
		if t.needs != model.NeedsLock || len(t.fds) != 1 {
			continue
		}
		e := x.descriptor(t, t.fds[0].fd)
		if e == nil {
			unseen[fdKey{int32(t.proc.PID), t.table, t.fds[0].fd}] = true
			continue
		}
		listed, known := waiters[e]
		if !known {
			listed = waitersOf(e.Object)
			waiters[e] = listed
		}
		kind := t.target.LockType
		if listed != nil && !listed[lockWaiter{kind, t.proc.PID}] && !listed[lockWaiter{kind: kind}] {
			waiters[e] = nil // add it to files only once
			files = append(files, e)
		}
	}
	if len(unseen) > 0 {
		files = append(files, r.describeFiles(x, unseen)...)
	}
	r.j.AskLocked(files)
}

// lockWaiter is a process that waits for a lock of a type, as the kernel's table of locks lists it
// below the conflicting lock. pid is 0 if the table does not say who waits, as for a lock of an open
// file description.
type lockWaiter struct {
	kind string
	pid  int
}

// waitersOf returns the waiters for locks on a file; nil for another object.
func waitersOf(o *model.Object) map[lockWaiter]bool {
	d, ok := o.Detail.(*model.FileDetail)
	if !ok {
		return nil
	}
	listed := map[lockWaiter]bool{}
	for i := range d.Locks {
		if l := &d.Locks[i]; l.Blocked {
			listed[lockWaiter{l.Type, l.PID.Or(0)}] = true
		}
	}
	return listed
}

// describeFiles makes objects of the files behind the wanted descriptors, unless another probe has done so.
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
	files = slices.DeleteFunc(files, func(e *probe.Entry) bool { return e.Object == nil }) // its facts could not be read
	for _, e := range files {
		for i := range e.Holders {
			x.hold(e, &e.Holders[i])
		}
	}
	return files
}
