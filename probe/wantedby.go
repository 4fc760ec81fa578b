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

// BlockedAt is what a thread waits for, as far as the call tells that it is in.
type BlockedAt int

const (
	AtUnknown BlockedAt = iota // what it waits for is not told by the call alone
	AtFirst                    // the descriptor that is the first argument
	AtNoFile                   // no descriptor
)

// call is what a thread is blocked in.
type call struct {
	number int
	args   [2]uint64 // the first ones
	sp, pc uint64
}

// parseCall reads proc_pid_syscall(5); false if the thread is in no call.
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

// maybe32 reports whether the thread could be one of a 32-bit program, whose calls have
// other numbers: those have neither stack nor code above 4 GiB.
func (c *call) maybe32() bool { return c.sp < 1<<32 && c.pc < 1<<32 }

// findWanted finds out what may be left out.
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
	w.sockets = true // whether a descriptor is in flight is not known without reading them
	s.scanner.guard.Each(len(pids), o.Workers, func(i int) guard.Item { return guard.Item{Key: pids[i], Owner: s.owner(int32(pids[i]))} },
		func(t *guard.Task, i int) func() {
			if ctx.Err() == nil && pids[i] != s.selfPID { // of ipctop's own threads no wait is told
				_ = s.recovered(func() error { s.want(t, w, pids[i], blocked); return nil })
			}
			return nil
		})
	s.wanted = w
}

// unclear says of a process that it is not known what its threads wait for.
type unclear int

const (
	allClear unclear = iota
	// mayPoll: there are several threads, of which runtimes have now one poll, now another one.
	mayPoll
	unknown
)

// lookAt adds what a thread waits for, which one descriptor may tell, and returns what is left unclear.
func lookAt(c *call, inCall bool, blocked func(*call) BlockedAt, descriptor func(fd int32) unclear) unclear {
	if !inCall {
		return unknown // one that runs may wait for anything soon
	}
	switch blocked(c) {
	case AtFirst:
		return descriptor(int32(c.args[0]))
	case AtNoFile:
		return allClear
	}
	return unknown
}

// want adds what the threads of a process may wait for.
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
	first := 0 // of its threads; they nearly always share a table
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
		return lookAt(&c, inCall, blocked, func(fd int32) unclear {
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

// wantAll adds what all descriptors in the table of a thread lead to; of one that may poll, if
// it has what it takes.
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
	ids   []int // of event counters
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

// want adds them to what is wanted.
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

// wantOfFacts adds what threads may wait for by what the source says of all of them.
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
		why := lookAt(&c, inCall, blocked, func(fd int32) unclear {
			link, err := s.root.Readlink(strconv.Itoa(pid) + "/task/" + strconv.Itoa(int(tid)) + "/fd/" + strconv.Itoa(int(fd)))
			switch {
			case err != nil && !proc.Gone(err), link == eventfdLink:
				return unknown // the source tells, or the number of the counter
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
		// Linux 6.0 and older tell of all processes alone.
		w.sockets, w.counters = true, true
		if tasks, err := s.root.Open(strconv.Itoa(pid) + "/task"); err == nil {
			sc := scratches.Get().(*scratch)
			s.wantAll(w, tasks, pid, why, sc)
			scratches.Put(sc)
			tasks.Close()
		}
	}
}

// callOf is what a thread is blocked in, as the source told; false if it is in no call.
func callOf(t *bpf.Task) (c call, ok bool) {
	if !t.Call.Known || t.Call.Number < 0 {
		return c, false
	}
	return call{int(t.Call.Number), [2]uint64{t.Call.Args[0], t.Call.Args[1]}, t.Call.SP, t.Call.IP}, true
}
