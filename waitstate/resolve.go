package waitstate

import (
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// index finds the objects that waits are about. It holds what is asked for, not
// every descriptor of the machine.
type index struct {
	fds     map[fdKey]*probe.Entry
	sysv    map[sysvKey]*probe.Entry
	shared  map[int32][]*sharedWord // by process
	threads map[int]*model.Process  // whose thread it is
	states  map[int]string          // of threads
	fifos   map[string]bool         // ids of those that are objects; made when asked for
}

type fdKey struct {
	pid, tid, fd int32
}

type sysvKey struct {
	kind model.Kind
	ns   uint64
	id   int
}

// sharedWord is a futex word in shared memory and the object whose memory it is.
type sharedWord struct {
	addr   uint64
	parent *probe.Entry
}

// resolve makes the index: first what is wanted, then one pass over all holders.
func (r *pass) resolve() *index {
	x := &index{
		fds: map[fdKey]*probe.Entry{}, sysv: map[sysvKey]*probe.Entry{}, shared: map[int32][]*sharedWord{},
		threads: map[int]*model.Process{}, states: map[int]string{},
	}
	wantSysv := false
	for _, t := range r.threads {
		pid := int32(t.proc.PID)
		for _, u := range t.fds {
			x.fds[fdKey{pid, 0, u.fd}] = nil
			x.fds[fdKey{pid, int32(t.tid), u.fd}] = nil
		}
		wantSysv = wantSysv || t.sysv != ""
		for i := range t.futexes {
			if f := &t.futexes[i]; f.shared && x.word(pid, f.addr) == nil {
				x.shared[pid] = append(x.shared[pid], &sharedWord{addr: f.addr})
			}
		}
	}
	for e := range r.j.All() {
		if o := e.Object; wantSysv && (o.Kind == model.SysvMsg || o.Kind == model.SysvSem) && o.Namespace != nil {
			if id, ok := o.SysvID.Get(); ok {
				x.sysv[sysvKey{o.Kind, o.Namespace.Inode, id}] = e
			}
		}
		for i := range e.Holders {
			x.hold(e, &e.Holders[i], r.j)
		}
	}
	for _, p := range r.j.Processes {
		for _, t := range p.AllThreads() {
			x.threads[t.TID], x.states[t.TID] = p, t.State
		}
	}
	return x
}

func (x *index) hold(e *probe.Entry, h *model.Holder, idx *probe.Index) {
	if fd, ok := h.FD.Get(); ok && h.Via == model.ViaFD {
		k := fdKey{h.PID, h.TID, fd}
		if _, wanted := x.fds[k]; wanted {
			x.fds[k] = e
		}
		// The table of a process whose main thread has ended is read through
		// one of the others, and is all of theirs.
		if h.TID != 0 && idx.Processes[h.PID] != nil && idx.Processes[h.PID].State == "Z" {
			k.tid = 0
			if _, wanted := x.fds[k]; wanted {
				x.fds[k] = e
			}
		}
		return
	}
	if h.Extent == nil || h.Via != model.ViaMap && h.Via != model.ViaAttach {
		return
	}
	for _, w := range x.shared[h.PID] {
		start, size := uint64(h.Address), uint64(max(0, h.Size.Or(0)))
		if w.addr >= start && w.addr-start < size {
			w.parent = e
		}
	}
}

func (x *index) word(pid int32, addr uint64) *sharedWord {
	for _, w := range x.shared[pid] {
		if w.addr == addr {
			return w
		}
	}
	return nil
}

// descriptor is the object behind a thread's descriptor, nil if no probe showed it.
func (x *index) descriptor(t *thread, fd int32) *probe.Entry {
	if e := x.fds[fdKey{int32(t.proc.PID), int32(t.tid), fd}]; e != nil {
		return e
	}
	return x.fds[fdKey{int32(t.proc.PID), 0, fd}]
}

// stillLeads reports whether a link that was read just now can lead to the object:
// the descriptor's number may be in use for another file now.
func stillLeads(link string, o *model.Object) bool {
	head, number, ok := strings.Cut(link, ":[")
	if !ok || head != "pipe" && head != "socket" {
		return true
	}
	return o.Ino != 0 && number == strconv.FormatUint(uint64(o.Ino), 10)+"]"
}

func someFD(fd int32) model.Opt[int] { return model.Some(int(fd)) }
