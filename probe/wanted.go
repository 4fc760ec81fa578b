package probe

import (
	"cmp"
	"slices"
	"sync"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/proc"
)

// With [Options].WaitsOnly most of what processes have open is of no interest: pipes, sockets and
// event counters at which no thread waits. So the scan first looks at what threads are blocked
// in. It leaves out descriptors to which no wait leads: they are not handed to the probes. If a
// thread has begun to wait for one of them since, that is noticed when the waits are known
// ([Scan.NoteWait]). Then everything is read once more, and at last with nothing left out. So
// this only has to guess well.

// wanted is the set of things that pipe, socket and event counter descriptors must lead to in
// order to be read. nil: nothing is left out.
type wanted struct {
	mu       sync.Mutex
	pipes    map[uint64]bool // by inode
	sockets  bool            // all of them: only their tables tell who is at the other end
	counters bool            // all of them
	ids      map[int]bool    // ids of some event counters

	omitted []omitted
	byInode []omitted    // a copy of left, sorted by inode; nil until it is needed
	lookups int          // how often [Scan.NoteWait] was called
	missed  map[int]bool // see [Scan.missed]
}

// omitted is a descriptor that was left out.
type omitted struct {
	pid, fd int32
	ino     uint64 // 0: an event counter
}

const (
	pipeLink    = "pipe:["
	socketLink  = "socket:["
	eventfdLink = "anon_inode:[eventfd]"
)

// add adds the object that a link leads to.
func (w *wanted) add(link []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ino, ok := proc.LinkNumber(link, pipeLink); ok {
		w.pipes[ino] = true
	} else if _, ok := proc.LinkNumber(link, socketLink); ok {
		w.sockets = true
	} else if string(link) == eventfdLink {
		w.counters = true
	}
}

// omits reports whether a descriptor is left out, and the inode of its object: 0 if it
// has none of its own. id is the number of an event counter.
func (w *wanted) omits(link []byte, id int, known bool) (ino uint64, omits bool) {
	if w == nil || len(link) == 0 || link[0] == '/' {
		return 0, false
	}
	if ino, ok := proc.LinkNumber(link, pipeLink); ok {
		return ino, !w.pipes[ino]
	}
	if ino, ok := proc.LinkNumber(link, socketLink); ok {
		return ino, !w.sockets
	}
	if w.counters || string(link) != eventfdLink {
		return 0, false
	}
	if !known {
		return 0, len(w.ids) == 0
	}
	return 0, !w.ids[id]
}

// omitsFile is omits for a descriptor from the source.
func (w *wanted) omitsFile(d *bpf.File) bool {
	if w == nil {
		return false
	}
	id, known := counterID(d)
	ino, omits := w.omits(d.Link, id, known)
	if omits {
		w.omitted = append(w.omitted, omitted{int32(d.PID), d.FD, ino})
	}
	return omits
}

// counterID returns the number of the event counter behind a descriptor, if that has a number.
func counterID(d *bpf.File) (id int, known bool) {
	e, known := d.Eventfd()
	return e.ID, known && e.ID >= 0
}

// counterID is the function counterID for this descriptor.
func (f *FD) counterID() (id int, known bool) {
	if f.sourceFile == nil || f.sourceFile.event == 0 {
		return 0, false
	}
	e, known := f.facts.events[f.sourceFile.event-1].Eventfd()
	return e.ID, known && e.ID >= 0
}

// noteOmitted notes the descriptors of a process that are left out.
func (w *wanted) noteOmitted(list []omitted) {
	if len(list) > 0 {
		w.mu.Lock()
		w.omitted = append(w.omitted, list...)
		w.mu.Unlock()
	}
}

// NoteWait notes that a thread waits at a descriptor of a process, or at the object with this
// inode (0: it has none). If that was left out because no thread seemed to wait for it,
// everything is read once more.
func (s *Scan) NoteWait(pid, fd int32, ino uint64) {
	if w := s.wanted; w != nil && w.has(pid, fd, ino) {
		if w.missed == nil {
			w.missed = map[int]bool{}
		}
		w.missed[int(pid)] = true
	}
}

// has reports whether a descriptor or inode was left out.
func (w *wanted) has(pid, fd int32, ino uint64) bool {
	if w.lookups++; w.lookups <= fewLookups {
		return slices.ContainsFunc(w.omitted, func(l omitted) bool { return l.pid == pid && l.fd == fd || l.ino == ino && ino != 0 })
	}
	if w.byInode == nil {
		w.byInode = slices.Clone(w.omitted)
		slices.SortFunc(w.omitted, omitted.compare)
		slices.SortFunc(w.byInode, func(a, b omitted) int { return cmp.Compare(a.ino, b.ino) })
	}
	if _, out := slices.BinarySearchFunc(w.omitted, omitted{pid: pid, fd: fd}, omitted.compare); out {
		return true
	}
	_, out := slices.BinarySearchFunc(w.byInode, ino, func(l omitted, ino uint64) int { return cmp.Compare(l.ino, ino) })
	return out && ino != 0
}

// About reports whether a process is among [Options].About.
func (s *Scan) About(pid int) bool { return slices.Contains(s.scanner.opts.About, pid) }

// fewLookups is the number of questions up to which sorting what was left out does not pay.
const fewLookups = 16

func (l omitted) compare(m omitted) int {
	return cmp.Or(cmp.Compare(l.pid, m.pid), cmp.Compare(l.fd, m.fd))
}

// omitsSockets reports whether no socket is read.
func (w *wanted) omitsSockets() bool { return w != nil && !w.sockets }

// missed returns the processes in which a thread waits for something that was left out.
func (s *Scan) missed() map[int]bool {
	if s.wanted == nil {
		return nil
	}
	return s.wanted.missed
}
