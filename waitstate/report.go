package waitstate

import (
	"github.com/ipctop/ipctop/model"
)

// report emits the waits.
func (r *pass) report(x *index) {
	r.out.ExpectWaits(len(r.threads))
	var w model.Wait
	for _, t := range r.threads {
		if r.wait(&w, t, x) {
			r.out.Wait(w)
		}
	}
}

// wait makes one wait; false if the thread turns out not to wait for IPC. Who could
// release it is found out later, by the wait-for graph.
func (r *pass) wait(w *model.Wait, t *thread, x *index) bool {
	*w = model.Wait{
		PID: t.proc.PID, TID: t.tid, Comm: t.comm, Call: t.call, Needs: t.needs, Timed: t.limited(), Timeout: t.timeout, BlockedFor: t.age,
		Confirmed: t.same, Idle: t.idle, Monitor: t.monitor, Handler: t.handler, Partial: t.partial, Kernel: t.kernel, Blockers: []model.Blocker{},
	}
	if t.age.Known() {
		w.AgeSource = "sched"
	}
	if left, known := t.timeout.Get(); known && t.left {
		w.Timeout = model.Some(left + t.age.Or(0)) // the whole limit, counted from the beginning of the wait, as for calls with a relative limit
	}
	n := naming{index: r.j, scan: r.j.Scan, x: x, thread: t, wait: w}
	switch {
	case t.server != nil:
	case t.target.LockType == leaseLock:
		r.lease(w, t)
	case t.target.Asked != "":
		n.askedObjects()
	case len(t.futexes) > 0:
		n.futexes()
	case t.sysv != "":
		if e := x.sysv[sysvKey{t.sysv, r.j.Scan.Namespace(t.proc, t.tid, "ipc"), t.sysvID}]; e != nil {
			w.Object = e.Object.ID
		}
	case t.fifo != nil:
		w.Object = x.opened(r.j, t.fifo)
	case t.set:
		n.set()
	case len(t.fds) > 0:
		if !n.descriptors() {
			return false
		}
	}
	w.Target = r.target(t)
	return true
}

// target returns what a thread asked for; nil: nothing. Snapshots share it, so it must not be changed.
func (r *pass) target(t *thread) *model.Target {
	target := &t.target
	if child, known := target.Child.Get(); known && len(t.proc.NSPIDs) > 0 {
		inside := t.target
		inside.Child = r.childOutside(t.proc, child)
		target = &inside
	}
	if t.server != nil {
		served := t.target
		served.FileSystem, served.Servers = t.server.point, r.serving[t.server.conn]
		target = &served
	}
	if isZeroTarget(target) {
		return nil
	}
	return target
}

func isZeroTarget(t *model.Target) bool {
	return t.Range == "" && t.LockType == "" && t.Mode == "" && len(t.Operations) == 0 && !t.MessageType.Known() && !t.Child.Known() && t.Path == "" && t.Access == "" && t.Written.IsZero() && t.FileSystem == "" && t.Asked == "" &&
		t.Signals == nil && t.OwnerTID == 0 && t.Address == 0 && !t.FD.Known()
}
