package probe

import (
	"cmp"
	"slices"
	"sync"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/proc"
)

// With [Options].WaitsOnly most of what processes have open says nothing: pipes, sockets and
// event counters at which nobody waits. So it is looked first at what threads are blocked in, and
// descriptors to which no wait leads are left out: they are not handed to the probes. What a
// thread has begun to wait for since is noticed when the waits are known ([Scan.NoteWait]), and
// then all is read once more, and at last with nothing left out. So this only has to guess well.

// wanted is what descriptors have to lead to, of those kinds, to be taken. nil: nothing is left
// out.
type wanted struct {
	mu       sync.Mutex
	pipes    map[uint64]bool // by inode
	sockets  bool            // all of them: who is at the other end only their tables tell
	counters bool            // all of them
	ids      map[int]bool    // those of some event counters

	left    []leftOut
	byInode []leftOut    // once they are sorted
	asked   int          // how often [Scan.NoteWait] was called
	missed  map[int]bool // see [Scan.missed]
}

// leftOut is a descriptor that was not taken.
type leftOut struct {
	pid, fd int32
	ino     uint64 // 0: of an event counter
}

const (
	pipeLink    = "pipe:["
	socketLink  = "socket:["
	eventfdLink = "anon_inode:[eventfd]"
)

// add adds what a link leads to.
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

// leaves reports whether a descriptor is left out, and what it is of: 0 where that has no
// inode of its own. id is the number of an event counter.
func (w *wanted) leaves(link []byte, id int, known bool) (ino uint64, leaves bool) {
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

// leavesFile is leaves for what the source tells of.
func (w *wanted) leavesFile(d *bpf.File) bool {
	if w == nil {
		return false
	}
	id, known := counterID(d)
	ino, leaves := w.leaves(d.Link, id, known)
	if leaves {
		w.left = append(w.left, leftOut{int32(d.PID), d.FD, ino})
	}
	return leaves
}

// counterID is the number of the event counter behind a descriptor, if it is one that has one.
func counterID(d *bpf.File) (id int, known bool) {
	e, known := d.Eventfd()
	return e.ID, known && e.ID >= 0
}

// counterID is counterID of the descriptor.
func (f *FD) counterID() (id int, known bool) {
	if f.seen == nil || f.seen.event == 0 {
		return 0, false
	}
	e, known := f.from.events[f.seen.event-1].Eventfd()
	return e.ID, known && e.ID >= 0
}

// leaveOut notes what is left out of a process.
func (w *wanted) leaveOut(list []leftOut) {
	if len(list) > 0 {
		w.mu.Lock()
		w.left = append(w.left, list...)
		w.mu.Unlock()
	}
}

// NoteWait notes that somebody waits at a descriptor of a process, or at what has an inode (0:
// it has none). If that was left out, because nobody seemed to, all is read once more.
func (s *Scan) NoteWait(pid, fd int32, ino uint64) {
	if w := s.wanted; w != nil && w.has(pid, fd, ino) {
		if w.missed == nil {
			w.missed = map[int]bool{}
		}
		w.missed[int(pid)] = true
	}
}

// has reports whether something was left out.
func (w *wanted) has(pid, fd int32, ino uint64) bool {
	if w.asked++; w.asked <= fewAsked {
		return slices.ContainsFunc(w.left, func(l leftOut) bool { return l.pid == pid && l.fd == fd || l.ino == ino && ino != 0 })
	}
	if w.byInode == nil {
		w.byInode = slices.Clone(w.left)
		slices.SortFunc(w.left, leftOut.compare)
		slices.SortFunc(w.byInode, func(a, b leftOut) int { return cmp.Compare(a.ino, b.ino) })
	}
	if _, out := slices.BinarySearchFunc(w.left, leftOut{pid: pid, fd: fd}, leftOut.compare); out {
		return true
	}
	_, out := slices.BinarySearchFunc(w.byInode, ino, func(l leftOut, ino uint64) int { return cmp.Compare(l.ino, ino) })
	return out && ino != 0
}

// About reports whether a process is among [Options].About.
func (s *Scan) About(pid int) bool { return slices.Contains(s.scanner.opts.About, pid) }

// fewAsked is for how many questions to sort what was left out does not pay.
const fewAsked = 16

func (l leftOut) compare(m leftOut) int {
	return cmp.Or(cmp.Compare(l.pid, m.pid), cmp.Compare(l.fd, m.fd))
}

// leavesSockets reports whether no socket is read.
func (w *wanted) leavesSockets() bool { return w != nil && !w.sockets }

// missed are the processes that wait, or have who waits, for what was left out.
func (s *Scan) missed() map[int]bool {
	if s.wanted == nil {
		return nil
	}
	return s.wanted.missed
}
