package waitstate

import (
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// report emits the waits.
func (r *round) report(x *index) {
	for _, t := range r.threads {
		if w := r.wait(t, x); w != nil {
			r.out.Wait(*w)
		}
	}
}

// wait makes one wait; nil if it turns out to be none that IPC is waited for in.
func (r *round) wait(t *thread, x *index) *model.Wait {
	w := &model.Wait{
		PID: t.proc.PID, TID: t.tid, Comm: t.comm, Call: t.call, Needs: t.needs, Timeout: t.timeout, BlockedFor: t.age,
		Confirmed: t.same, Idle: t.idle, UnknownRelease: t.unknown || t.timed || t.partial, Blockers: []model.Blocker{},
	}
	if t.age.Known() {
		w.AgeSource = "sched"
	}
	b := blockers{j: r.j, x: x, thread: t, wait: w}
	switch {
	case len(t.futexes) > 0:
		b.futexes()
	case t.sysv != "":
		if e := x.sysv[sysvKey{t.sysv, t.proc.Namespaces["ipc"], t.sysvID}]; e != nil {
			w.Object = e.Object.ID
		}
		w.UnknownRelease = true // any process of the namespace may operate on it
	case t.needs == needsChild && len(t.fds) == 0:
		b.children()
	case t.set:
		b.set()
	case len(t.fds) > 0:
		if !b.descriptors() {
			return nil
		}
	}
	b.sort()
	target := t.target
	w.Target = &target
	if isZeroTarget(&target) {
		w.Target = nil
	}
	return w
}

func isZeroTarget(t *model.Target) bool {
	return t.Range == "" && t.Mode == "" && len(t.Operations) == 0 && !t.MessageType.Known() && !t.Child.Known() && t.Path == "" &&
		t.OwnerTID == 0 && t.Address == 0 && !t.FD.Known()
}

// maxBlockerObjects bounds for how many objects of a set blockers are listed: a
// server's thousands of connections have thousands of clients, none of which it
// waits for in particular. The objects are all named.
const maxBlockerObjects = 64

// set resolves the descriptors of a poll, select or epoll.
func (b *blockers) set() {
	w, t := b.wait, b.thread
	seen := map[*probe.Joint]bool{}
	var uses []fdUse
	var joints []*probe.Joint
	for _, u := range t.fds {
		e := b.x.descriptor(t, u.fd)
		if fd, ok := t.target.FD.Get(); ok && fd == int(u.fd) {
			if e != nil { // the epoll instance itself
				w.Object = e.Object.ID
			}
			continue
		}
		if e == nil {
			w.UnknownRelease = true
			continue
		}
		if !seen[e] {
			seen[e] = true
			w.Objects = append(w.Objects, e.Object.ID)
		}
		uses, joints = append(uses, u), append(joints, e)
	}
	if len(joints) > maxBlockerObjects {
		w.UnknownRelease = true
		return
	}
	for i, e := range joints {
		b.object(e, uses[i])
	}
}

// descriptors resolves the one or two descriptors of another call.
func (b *blockers) descriptors() bool {
	w, t := b.wait, b.thread
	found := false
	for _, u := range t.fds {
		e := b.x.descriptor(t, u.fd)
		if e == nil {
			w.UnknownRelease = true
			continue
		}
		if len(t.fds) == 1 && !stillLeads(t.link, e.Object) {
			w.Confirmed, w.UnknownRelease = false, true
			continue
		}
		found = true
		w.Object = e.Object.ID
		w.Objects = append(w.Objects, e.Object.ID)
		b.refine(e.Object)
		b.object(e, u)
	}
	if len(w.Objects) < 2 {
		w.Objects = nil
	} else {
		w.Object = ""
	}
	// What waits for a disk or a file server waits for no process.
	return found || t.state != "D"
}

// refine says what a wait on an object of a kind needs.
func (b *blockers) refine(o *model.Object) {
	w := b.wait
	if b.thread.needs != needsData && b.thread.needs != needsSpace {
		return
	}
	switch o.Kind {
	case model.Eventfd, model.Userfaultfd:
		w.Needs = needsEvent
	case model.Inotify, model.Fanotify:
		w.Needs, w.Idle, w.UnknownRelease = needsEvent, true, true
	case model.Signalfd:
		w.Needs, w.Idle, w.UnknownRelease = needsSignal, true, true
	case model.Timerfd:
		w.Needs, w.Idle, w.UnknownRelease = needsTime, true, true
	case model.Pty:
		w.Idle = w.Needs == needsData
	case model.UDP, model.Raw, model.ICMP, model.Packet, model.Netlink:
		w.Idle, w.UnknownRelease = w.Needs == needsData, true
	}
}
