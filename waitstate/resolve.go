package waitstate

import (
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// index finds the objects of waits. It contains only the descriptors that are needed, not
// every descriptor of the machine.
type index struct {
	fds     map[fdKey]*probe.Entry
	sysv    map[sysvKey]*probe.Entry
	shared  map[int32][]*sharedWord             // by process
	threads map[int]*model.Process              // by tid: its process; empty if no thread waits for a futex
	states  map[int]string                      // … and its state
	memory  map[*model.Process][]*model.Process // see [pass.sharedMemory]
	fifos   map[string]bool                     // ids of FIFOs that are objects; made on first use
}

// fdKey identifies a descriptor. tid is 0 if it is in the table of its process, see [probe.Scan.TableOf].
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

// newIndex returns an empty index that reuses the memory of one that is no longer needed; room may
// be nil.
func newIndex(room *index) *index {
	if room == nil {
		return &index{
			fds: map[fdKey]*probe.Entry{}, sysv: map[sysvKey]*probe.Entry{}, shared: map[int32][]*sharedWord{},
			threads: map[int]*model.Process{}, states: map[int]string{},
		}
	}
	clear(room.fds)
	clear(room.sysv)
	clear(room.shared)
	clear(room.threads)
	clear(room.states)
	room.memory, room.fifos = nil, nil
	return room
}

// resolve makes the index. The objects of a thread that has not run since the last scan are mostly
// taken from the last index. For the other threads it goes through everything that their
// processes hold.
func (r *pass) resolve() *index {
	x, before := newIndex(r.earlier.spare), r.earlier.index
	looked := map[int32]bool{} // processes whose entries must be searched
	wantSysv, futexes := false, false
	for _, t := range r.threads {
		pid := int32(t.proc.PID)
		t.table = r.j.Scan.TableOf(t.tid)
		for _, u := range t.fds {
			own := fdKey{pid, t.table, u.fd}
			if t.known && before != nil {
				if e := before.descriptor(t, u.fd); e != nil && e.Holds(own.pid, own.tid, own.fd) {
					x.fds[own] = e
					continue
				}
			}
			x.fds[own] = nil
			looked[pid] = true
		}
		wantSysv = wantSysv || t.sysv != ""
		for i := range t.futexes {
			futexes = true
			if f := &t.futexes[i]; f.shared && x.word(pid, f.addr) == nil {
				x.shared[pid] = append(x.shared[pid], &sharedWord{addr: f.addr})
				looked[pid] = true
			}
		}
	}
	hold := func(e *probe.Entry) {
		for i := range e.Holders {
			x.hold(e, &e.Holders[i])
		}
	}
	if len(looked) > 0 {
		r.j.EachOf(looked, hold)
	}
	if len(x.shared) > 0 {
		for _, e := range r.j.OfKind(model.SysvShm) { // their attachments are known only after the join
			hold(e)
		}
	}
	if wantSysv {
		for _, kind := range []model.Kind{model.SysvMsg, model.SysvSem} {
			for _, e := range r.j.OfKind(kind) {
				if id, ok := e.Object.SysvID.Get(); ok && e.Object.Namespace != nil {
					x.sysv[sysvKey{kind, e.Object.Namespace.Inode, id}] = e
				}
			}
		}
	}
	if futexes {
		for _, p := range r.j.Processes {
			for _, t := range p.AllThreads() {
				x.threads[t.TID], x.states[t.TID] = p, t.State
			}
		}
		x.memory = r.sharedMemory()
	}
	return x
}

func (x *index) hold(e *probe.Entry, h *model.Holder) {
	if fd, ok := h.FD.Get(); ok && h.Via == model.ViaFD {
		k := fdKey{h.PID, h.TID, fd}
		if _, wanted := x.fds[k]; wanted {
			x.fds[k] = e
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

// descriptor returns the object behind a thread's descriptor; nil if no probe described it.
func (x *index) descriptor(t *thread, fd int32) *probe.Entry {
	return x.fds[fdKey{int32(t.proc.PID), t.table, fd}]
}

// stillLeads reports whether a link that was just read can refer to the object: the
// descriptor's number may have been reused for another file.
func stillLeads(link string, o *model.Object) bool {
	head, number, ok := strings.Cut(link, ":[")
	if !ok || head != "pipe" && head != "socket" {
		return true
	}
	return o.Ino != 0 && number == strconv.FormatUint(uint64(o.Ino), 10)+"]"
}

func someFD(fd int32) model.Opt[int] { return model.Some(int(fd)) }
