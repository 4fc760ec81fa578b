package probe

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/proc"
)

// With [Options].WaitsOnly most of what processes have open says nothing: pipes, sockets and
// event counters at which nobody waits. So it is looked first at what threads are blocked in, and
// descriptors to which no wait leads are left out: they are not handed to the probes. What a
// thread has begun to wait for since is noticed when the waits are known ([Scan.LeftOut]), and
// then all is read once more, with nothing left out. So this only has to guess well.

// wanted is what descriptors have to lead to, of those kinds, to be taken. nil: nothing is left
// out.
type wanted struct {
	mu       sync.Mutex
	pipes    map[uint64]bool // by inode
	sockets  bool            // all of them: who is at the other end only their tables tell
	counters bool            // all of them
	ids      map[int]bool    // those of some event counters

	left    []leftOut
	byInode []leftOut // once they are sorted
	sorted  bool
	missed  bool // something was left out that somebody waits for
}

// leftOut is a descriptor that was not taken.
type leftOut struct {
	pid, fd int32
	ino     uint64 // 0: of an event counter
}

// BlockedAt is what a thread waits for, as far as the call tells that it is in.
type BlockedAt int

const (
	AtUnknown BlockedAt = iota // what it waits for is not told by the call alone
	AtFirst                    // the descriptor that is the first argument
	AtNoFile                   // no descriptor
)

// findWanted finds out what may be left out.
func (s *Scan) findWanted(ctx context.Context, pids []int) {
	o := &s.scanner.opts
	at := slices.IndexFunc(o.Probes, func(p Probe) bool { return p.Blocked != nil })
	if !o.WaitsOnly || o.Repeated || s.whole || at < 0 {
		return
	}
	w := &wanted{pipes: map[uint64]bool{}, ids: map[int]bool{}}
	w.sockets = s.facts == nil || !s.facts.whole || s.facts.anyInFlight()
	s.scanner.guard.Each(len(pids), o.Workers, func(i int) guard.Item { return guard.Item{Key: pids[i], Owner: s.owner(int32(pids[i]))} },
		func(t *guard.Task, i int) func() {
			if ctx.Err() == nil && pids[i] != s.selfPID { // of ipctop's own threads no wait is told
				_ = s.recovered(func() error { s.want(t, w, pids[i], o.Probes[at].Blocked); return nil })
			}
			return nil
		})
	s.wanted = w
}

// want adds what the threads of a process may wait for.
func (s *Scan) want(t *guard.Task, w *wanted, pid int, blocked func(syscall []byte) BlockedAt) {
	tasks, err := s.root.Open(strconv.Itoa(pid) + "/task")
	if err != nil {
		return
	}
	defer tasks.Close()
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	unclear := 0 // a thread of which it is not known
	_ = tasks.Each(sc.tasks, func(e proc.Entry) bool {
		tid, ok := e.Number()
		if !ok {
			return true
		}
		if !t.Begin("syscall", int32(tid)) {
			unclear = tid
			return true
		}
		text, err := tasks.ReadRecord(string(e.Name)+"/syscall", sc.text[:0])
		t.End()
		if err != nil {
			if !proc.Gone(err) {
				unclear = tid
			}
			return true
		}
		sc.text = text
		switch blocked(text) {
		case AtNoFile:
		case AtFirst:
			if fd, ok := firstArgument(text); ok {
				s.wantDescriptor(w, tasks, int32(pid), int32(tid), fd)
			}
		default:
			unclear = tid
		}
		return true
	})
	if unclear != 0 {
		s.wantAll(w, tasks, int32(pid), unclear, sc)
	}
}

// firstArgument is that of a call, as proc_pid_syscall(5) has it, where it is a descriptor.
func firstArgument(syscall []byte) (fd int32, ok bool) {
	var space [9][]byte
	f := proc.AppendFields(space[:0], syscall)
	if len(f) < 2 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(bytes.TrimPrefix(f[1], []byte("0x"))), 16, 64)
	return int32(n), err == nil
}

// wantDescriptor adds what one descriptor of a thread leads to.
func (s *Scan) wantDescriptor(w *wanted, tasks *proc.Dir, pid, tid, fd int32) {
	if f := s.facts; f != nil && f.whole {
		for _, task := range []int32{tid, pid} { // it may have a table of its own
			if x, _ := f.find(kcmp.Descriptor{Task: task, FD: fd}); x != nil {
				w.addSeen(f, x)
				return
			}
		}
	}
	if link, err := tasks.Readlink(strconv.Itoa(int(tid)) + "/fd/" + strconv.Itoa(int(fd))); err == nil {
		w.add([]byte(link))
	}
}

// wantAll adds what the descriptors of a process lead to: all in the table of one thread.
func (s *Scan) wantAll(w *wanted, tasks *proc.Dir, pid int32, tid int, sc *scratch) {
	if f := s.facts; f != nil && f.whole {
		for _, table := range append([]int32{pid}, f.own[pid]...) {
			list, _ := f.of(table)
			for i := range list {
				w.addSeen(f, &list[i])
			}
		}
		return
	}
	fds, err := tasks.Open(strconv.Itoa(tid) + "/fd")
	if err != nil {
		return
	}
	defer fds.Close()
	_ = fds.Each(sc.dirents, func(e proc.Entry) bool {
		if n, errno := fds.ReadlinkC(e.C, sc.link); errno == 0 && n > 0 && n < len(sc.link) {
			w.add(sc.link[:n])
		}
		return true
	})
}

// addSeen adds what a descriptor leads to that the source told of.
func (w *wanted) addSeen(f *facts, x *seenFile) {
	id, known := f.counterID(x)
	if !known {
		w.add(f.linkOf(x))
		return
	}
	w.mu.Lock()
	w.ids[id] = true
	w.mu.Unlock()
}

// counterID is the number of the event counter behind a descriptor, if it is one that has one.
func (f *facts) counterID(x *seenFile) (id int, known bool) {
	if x.event == 0 {
		return 0, false
	}
	e, known := f.events[x.event-1].Eventfd()
	return e.ID, known && e.ID >= 0
}

// anyInFlight reports whether the queue of some UNIX socket has descriptors in it.
func (f *facts) anyInFlight() bool {
	return slices.ContainsFunc(f.files, func(x seenFile) bool { return x.inFlight > 0 })
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
// inode of its own.
func (w *wanted) leaves(fd *FD) (ino uint64, leaves bool) {
	if w == nil || len(fd.Link) == 0 || fd.Link[0] == '/' {
		return 0, false
	}
	if ino, ok := proc.LinkNumber(fd.Link, pipeLink); ok {
		return ino, !w.pipes[ino]
	}
	if ino, ok := proc.LinkNumber(fd.Link, socketLink); ok {
		return ino, !w.sockets
	}
	if w.counters || string(fd.Link) != eventfdLink {
		return 0, false
	}
	if fd.seen == nil {
		return 0, len(w.ids) == 0
	}
	id, known := fd.from.counterID(fd.seen)
	return 0, !known || !w.ids[id]
}

// leaveOut notes what is left out of a process.
func (w *wanted) leaveOut(list []leftOut) {
	if len(list) > 0 {
		w.mu.Lock()
		w.left = append(w.left, list...)
		w.mu.Unlock()
	}
}

// LeftOut reports whether a descriptor of a process was left out, or what else has this inode
// (0: it is not asked for), because nobody seemed to wait for it. If so, all is read once more,
// as somebody does.
func (s *Scan) LeftOut(pid, fd int32, ino uint64) bool {
	w := s.wanted
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.sorted {
		w.sorted, w.byInode = true, slices.Clone(w.left)
		slices.SortFunc(w.left, leftOut.compare)
		slices.SortFunc(w.byInode, func(a, b leftOut) int { return cmp.Compare(a.ino, b.ino) })
	}
	_, out := slices.BinarySearchFunc(w.left, leftOut{pid: pid, fd: fd}, leftOut.compare)
	if !out && ino != 0 {
		_, out = slices.BinarySearchFunc(w.byInode, ino, func(l leftOut, ino uint64) int { return cmp.Compare(l.ino, ino) })
	}
	w.missed = w.missed || out
	return out
}

func (l leftOut) compare(m leftOut) int {
	return cmp.Or(cmp.Compare(l.pid, m.pid), cmp.Compare(l.fd, m.fd))
}

// leavesSockets reports whether no socket is read.
func (s *Scan) leavesSockets() bool { return s.wanted != nil && !s.wanted.sockets }

// missed reports whether something was left out that somebody waits for.
func (s *Scan) missed() bool { return s.wanted != nil && s.wanted.missed }
