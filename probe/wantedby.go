package probe

import (
	"bytes"
	"context"
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/proc"
)

// BlockedAt is what a thread waits for, as far as its system call tells.
type BlockedAt int

const (
	AtUnknown BlockedAt = iota // the call alone does not tell
	AtFirst                    // the descriptor in the first argument
	AtNoFile                   // no descriptor
)

// call is the system call that a thread is blocked in.
type call struct {
	number int
	args   [2]uint64 // the first two
	sp, pc uint64
}

// parseCall reads proc_pid_syscall(5); ok is false if the thread is in no call.
func parseCall(text []byte) (c call, ok bool) {
	var space [9][]byte
	f := proc.AppendFields(space[:0], text)
	if len(f) < len(space) {
		return c, false
	}
	number, err := strconv.Atoi(string(f[0]))
	if err != nil {
		return c, false
	}
	var values [8]uint64
	for i := range values {
		if values[i], err = strconv.ParseUint(string(bytes.TrimPrefix(f[1+i], []byte("0x"))), 16, 64); err != nil {
			return c, false
		}
	}
	return call{number, [2]uint64(values[:2]), values[6], values[7]}, true
}

// maybe32 reports whether the thread may belong to a 32-bit program, whose calls have
// other numbers: such programs have neither stack nor code above 4 GiB.
func (c *call) maybe32() bool { return c.sp < 1<<32 && c.pc < 1<<32 }

// findWanted finds out which descriptors may be left out.
func (s *Scan) findWanted(ctx context.Context, pids []int) {
	o := &s.scanner.opts
	at := slices.IndexFunc(o.Probes, func(p Probe) bool { return p.Blocked != nil })
	if !o.WaitsOnly || o.Repeated || s.whole || at < 0 {
		return
	}
	w := &wanted{pipes: map[uint64]bool{}, ids: map[int]bool{}}
	blocked := func(c *call) BlockedAt {
		if c.maybe32() {
			return AtUnknown
		}
		return o.Probes[at].Blocked(c.number)
	}
	if s.facts != nil {
		s.wantOfFacts(w, blocked)
		s.wanted = w
		return
	}
	w.sockets = true // descriptors in flight are known only after reading the sockets
	s.scanner.guard.Each(len(pids), o.Workers, func(i int) guard.Item { return guard.Item{Key: pids[i], Owner: s.owner(int32(pids[i]))} },
		func(t *guard.Task, i int) func() {
			if ctx.Err() == nil && pids[i] != s.selfPID { // waits of ipctop's own threads are not reported
				_ = s.recovered(func() error { s.want(t, w, pids[i], blocked); return nil })
			}
			return nil
		})
	s.wanted = w
}

// unclear says how much is unknown about what the threads of a process wait for.
type unclear int

const (
	allClear unclear = iota
	// mayPoll: there are several threads, and in language runtimes now one thread polls, now another.
	mayPoll
	unknown
)

// addAwaited adds what a thread waits for, if one descriptor tells that. It returns what is left unclear.
func addAwaited(c *call, inCall bool, blocked func(*call) BlockedAt, descriptor func(fd int32) unclear) unclear {
	if !inCall {
		return unknown // a running thread may soon wait for anything
	}
	switch blocked(c) {
	case AtFirst:
		return descriptor(int32(c.args[0]))
	case AtNoFile:
		return allClear
	}
	return unknown
}

// want adds everything that the threads of a process may wait for.
func (s *Scan) want(t *guard.Task, w *wanted, pid int, blocked func(*call) BlockedAt) {
	tasks, err := s.root.Open(strconv.Itoa(pid) + "/task")
	if err != nil {
		return
	}
	defer tasks.Close()
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	left := allClear
	if s.unclear[pid] {
		left = unknown
	}
	first := 0 // the first of its threads; they nearly always share a table
	look := func(tid int, name string) unclear {
		if !t.Begin("syscall", int32(tid)) {
			return unknown
		}
		text, err := tasks.ReadRecord(name+"/syscall", sc.text[:0])
		t.End()
		switch {
		case err == nil:
		case proc.Gone(err):
			return allClear
		default:
			return unknown
		}
		sc.text = text
		c, inCall := parseCall(text)
		return addAwaited(&c, inCall, blocked, func(fd int32) unclear {
			if link, err := tasks.Readlink(name + "/fd/" + strconv.Itoa(int(fd))); err == nil {
				w.add([]byte(link))
			}
			return allClear
		})
	}
	_ = tasks.Each(sc.tasks, func(e proc.Entry) bool {
		if tid, ok := e.Number(); ok {
			left = max(left, look(tid, string(e.Name)))
			if first == 0 {
				first = tid
			} else {
				left = max(left, mayPoll)
			}
		}
		return true
	})
	if left != allClear {
		s.wantAll(w, tasks, first, left, sc)
	}
}

// wantAll adds what all descriptors in a thread's table lead to. With mayPoll it does so only
// if the table has an epoll instance.
func (s *Scan) wantAll(w *wanted, tasks *proc.Dir, tid int, why unclear, sc *scratch) {
	fds, err := tasks.Open(strconv.Itoa(tid) + "/fd")
	if err != nil {
		return
	}
	defer fds.Close()
	var list links
	_ = fds.Each(sc.dirents, func(e proc.Entry) bool {
		if n, errno := fds.ReadlinkC(e.C, sc.link); errno == 0 && n > 0 && n < len(sc.link) {
			list.add(sc.link[:n])
		}
		return true
	})
	list.want(w, why)
}

// links are what the descriptors of a process lead to.
type links struct {
	list  [][]byte
	ids   []int // ids of event counters
	polls bool
}

func (l *links) add(link []byte) {
	if string(link) == "anon_inode:[eventpoll]" {
		l.polls = true
	}
	if len(link) > 0 && link[0] != '/' {
		l.list = append(l.list, bytes.Clone(link))
	}
}

// want adds the links to what is wanted.
func (l *links) want(w *wanted, why unclear) {
	if why == mayPoll && !l.polls {
		return
	}
	for _, link := range l.list {
		w.add(link)
	}
	for _, id := range l.ids {
		w.ids[id] = true
	}
}

// wantOfFacts adds what threads may wait for according to the source.
func (s *Scan) wantOfFacts(w *wanted, blocked func(*call) BlockedAt) {
	f := s.facts
	left := map[int]unclear{} // by process
	for pid := range s.unclear {
		left[pid] = unknown
	}
	for tid, was := range f.tasks {
		pid := int(was.pid)
		t := bpf.ParseTask([]byte(was.record))
		if t.Kernel || t.State == 'Z' || t.State == 'X' || pid == s.selfPID || left[pid] == unknown {
			continue
		}
		c, inCall := callOf(&t)
		why := addAwaited(&c, inCall, blocked, func(fd int32) unclear {
			link, err := s.root.Readlink(strconv.Itoa(pid) + "/task/" + strconv.Itoa(int(tid)) + "/fd/" + strconv.Itoa(int(fd)))
			switch {
			case err != nil && !proc.Gone(err), link == eventfdLink:
				return unknown // the source tells where it leads, or the number of the counter
			case err == nil:
				w.add([]byte(link))
			}
			return allClear
		})
		if t.Threads > 1 {
			why = max(why, mayPoll)
		}
		if why > left[pid] {
			left[pid] = why
		}
	}
	for pid, why := range left {
		var list links
		err := f.source.FilesOf(pid, func(d *bpf.File) {
			if id, known := counterID(d); known {
				list.ids = append(list.ids, id)
			} else {
				list.add(d.Link)
			}
		})
		if err == nil {
			list.want(w, why)
			continue
		}
		// Linux 6.0 and older can tell only of all processes at once.
		w.sockets, w.counters = true, true
		if tasks, err := s.root.Open(strconv.Itoa(pid) + "/task"); err == nil {
			sc := scratches.Get().(*scratch)
			s.wantAll(w, tasks, pid, why, sc)
			scratches.Put(sc)
			tasks.Close()
		}
	}
}

// callOf returns the call that a thread is blocked in, from the source; ok is false if it is in
// none.
func callOf(t *bpf.Task) (c call, ok bool) {
	if !t.Call.Known || t.Call.Number < 0 {
		return c, false
	}
	return call{int(t.Call.Number), [2]uint64{t.Call.Args[0], t.Call.Args[1]}, t.Call.SP, t.Call.IP}, true
}
