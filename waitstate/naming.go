package waitstate

import (
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/waitstate/pthread"
)

// naming finds the objects of one wait.
type naming struct {
	index  *probe.Index
	scan   *probe.Scan
	x      *index
	thread *thread
	wait   *model.Wait
}

// futexes names the words and their owner.
func (n *naming) futexes() {
	w, t := n.wait, n.thread
	for i := range t.futexes {
		word := t.futexes[i].word
		if word == nil {
			w.Partial = true
			continue
		}
		if len(t.futexes) == 1 {
			w.Object = word.id
		} else {
			w.Objects = append(w.Objects, word.id)
		}
		n.lock(word)
	}
}

func (n *naming) lock(word *word) {
	w := n.wait
	switch word.lock.Type {
	case "cond", "cond-notify", "barrier", "join":
		w.Needs = model.NeedsEvent
	}
	tid, owned := word.owner.Get()
	if !owned {
		// Threads of an idle program wait for work at private words.
		w.Idle = !word.shared && n.thread.handler == "" && word.lock.Type != pthread.CondNotify && (!word.lock.Type.HasOwner() || word.lock.Type == "unknown" || word.lock.Type == "")
		return
	}
	if len(n.thread.futexes) == 1 {
		n.thread.target.OwnerTID = tid
	}
}

// set names the objects of a poll, select or epoll.
func (n *naming) set() {
	w, t := n.wait, n.thread
	seen := map[*probe.Entry]bool{}
	for _, u := range t.fds {
		e := n.x.descriptor(t, u.fd)
		if fd, ok := t.target.FD.Get(); ok && fd == int(u.fd) {
			if e != nil { // the epoll instance itself
				w.Object = e.Object.ID
				n.watches(e)
			}
			continue
		}
		if e == nil {
			n.leftOut(int32(t.proc.PID), u.fd, 0)
			w.Partial = true
			continue
		}
		if !seen[e] {
			seen[e] = true
			w.Objects = append(w.Objects, e.Object.ID)
		}
	}
}

// leftOut records that the object of a wait was left out of the scan. For waits that are not confirmed
// it does so only if the user asked about their process.
func (n *naming) leftOut(pid, fd int32, ino uint64) {
	if n.wait.Confirmed || n.scan.About(n.wait.PID) {
		n.scan.NoteWait(pid, fd, ino)
	}
}

// watches records which of the objects that an epoll instance watches were left out of the scan:
// another process may have registered them.
func (n *naming) watches(e *probe.Entry) {
	d, ok := e.Object.Detail.(*model.EpollDetail)
	if !ok {
		return
	}
	for i := range d.Watches {
		watch := &d.Watches[i]
		if watch.Object != "" {
			continue
		}
		for h := range e.Holders {
			n.leftOut(e.Holders[h].PID, int32(watch.FD.Or(-1)), uint64(watch.Ino))
		}
	}
}

// descriptors names the objects behind the one or two descriptors of a call that waits for no set.
func (n *naming) descriptors() bool {
	w, t := n.wait, n.thread
	found := false
	for _, u := range t.fds {
		e := n.x.descriptor(t, u.fd)
		if e == nil {
			n.leftOut(int32(t.proc.PID), u.fd, 0)
			w.Partial = true
			continue
		}
		if len(t.fds) == 1 && !stillLeads(t.link, e.Object) {
			w.Confirmed, w.Partial = false, true
			continue
		}
		found = true
		if n.thread.needs == model.NeedsLock {
			e = n.index.LocksOf(e)
		}
		w.Object = e.Object.ID
		w.Objects = append(w.Objects, e.Object.ID)
		n.refine(e.Object)
	}
	if len(w.Objects) < 2 {
		w.Objects = nil
	} else {
		w.Object = ""
	}
	// A thread that waits for a disk or a file server does not wait for a process.
	return found || t.state != "D"
}

// refine says what a wait on an object of a kind needs.
func (n *naming) refine(o *model.Object) {
	w := n.wait
	if n.thread.needs != model.NeedsData && n.thread.needs != model.NeedsSpace {
		return
	}
	switch o.Kind {
	case model.Eventfd, model.Userfaultfd:
		w.Needs = model.NeedsEvent
	case model.Inotify, model.Fanotify:
		w.Needs, w.Idle = model.NeedsEvent, true
	case model.Signalfd:
		w.Needs, w.Idle = model.NeedsSignal, true
	case model.Timerfd:
		w.Needs, w.Idle = model.NeedsTime, true
	case model.Pty:
		w.Idle = w.Needs == model.NeedsData
	case model.UDP, model.Raw, model.ICMP, model.Packet, model.Netlink:
		w.Idle = w.Needs == model.NeedsData
	}
}
