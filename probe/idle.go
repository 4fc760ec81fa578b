package probe

import (
	"bytes"
	"slices"
	"strconv"
	"sync"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// For all threads at once, a source tells what the proc file system has in several files of
// each process: stat, status, schedstat, ns/* and limits. As long as it tells the same about
// all threads of a process, none of these files need be read again, nor its control groups,
// nor the link to its program, whose name others may change. Other things that others can
// change are still asked for: how many signals are queued for its user, and what is behind its
// descriptors.

// idle is what a snapshot had of a process, and what the source told at that time.
type idle struct {
	tasks   []*taskFacts // of all its threads
	process *model.Process
	limits  []model.Limit
	user    queueUser
}

// queueUser identifies a counter of queued signals in the kernel: a real user in a user namespace.
type queueUser struct {
	namespace uint64
	uid       string
}

// queuedSignals are the counts that were read in this scan.
type queuedSignals struct {
	mu     sync.Mutex
	byUser map[queueUser]int64
}

func (q *queuedSignals) put(u queueUser, count int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.byUser == nil {
		q.byUser = map[queueUser]int64{}
	}
	q.byUser[u] = count
}

func (q *queuedSignals) of(u queueUser) (count int64, known bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	count, known = q.byUser[u]
	return count, known
}

// apply replaces the count of signals queued for a process's user by the current one, which must be
// known.
func (q *queuedSignals) apply(u queueUser, m *model.Process, limits []model.Limit) {
	count, _ := q.of(u)
	now := model.Some(count)
	if m.Signals != nil && m.Signals.Queued != now {
		signals := *m.Signals
		signals.Queued = now
		m.Signals = &signals
	}
	for i := range limits {
		if limits[i].Name == queueLimit {
			limits[i].Used = now
		}
	}
}

const queueLimit = "RLIMIT_SIGPENDING"

// newIdle returns what later scans may take over from a process that was read; nil if nothing.
func (s *Scan) newIdle(p *Proc, r *result, stamps []stamp) *idle {
	if r.cache == nil || s.facts == nil || len(r.out.gaps) > 0 || p.Model.Kernel || p.Model.State == "Z" || s.WaitsOnly() {
		return nil
	}
	main := s.facts.tasks[p.PID()]
	if main == nil || main.ticks != p.Model.StartTicks {
		return nil
	}
	k := &idle{tasks: []*taskFacts{main}, process: p.Model, limits: slices.Clone(r.out.limits)}
	if len(p.Model.ThreadList) > 0 && !s.facts.shareNamespaces(p.Model) {
		return nil
	}
	for _, st := range stamps {
		if t := s.facts.tasks[int32(st.tid)]; t != main {
			k.tasks = append(k.tasks, t)
		}
	}
	uid, _ := proc.StatusField(p.Status, "Uid")
	uid, _, _ = bytes.Cut(uid, []byte("\t"))
	k.user = queueUser{main.namespaces.User, string(uid)}
	if !s.queued.read(k.user, p.Status) {
		return nil
	}
	return k
}

// read takes a user's count from the status of one of the user's processes.
func (q *queuedSignals) read(u queueUser, status []byte) (ok bool) {
	queued, _ := proc.StatusField(status, "SigQ")
	queued, _, _ = bytes.Cut(queued, []byte("/"))
	count, err := strconv.ParseInt(string(queued), 10, 64)
	if err != nil {
		return false
	}
	q.put(u, count)
	return true
}

// shareNamespaces reports whether, according to the source, all threads of a process are in
// the same namespaces.
func (f *facts) shareNamespaces(m *model.Process) bool {
	main := f.task(int32(m.PID))
	for i := range m.ThreadList {
		t := f.task(int32(m.ThreadList[i].TID))
		if t.pid != main.pid || t.namespaces != main.namespaces {
			return false
		}
	}
	return main.ticks == m.StartTicks
}

// cachedUnchanged returns what is cached of a process if the source tells the same about it as before.
func (s *Scan) cachedUnchanged(pid int) *processCache {
	if s.facts == nil {
		return nil
	}
	s.scanner.mu.Lock()
	k := s.scanner.cache[pid]
	s.scanner.mu.Unlock()
	if k == nil || k.idle == nil || s.due(pid, k) {
		return nil
	}
	for _, was := range k.idle.tasks {
		if s.facts.tasks[was.tid] != was {
			return nil
		}
	}
	return k
}

// readUnchanged makes the result for a process from the last snapshot; nil if the process has to be
// read.
func (s *Scan) readUnchanged(t *guard.Task, pid int, dir *proc.Dir, sc *scratch) *result {
	k := s.cachedUnchanged(pid)
	if k == nil || !dir.StaysOpen() {
		return nil
	}
	if _, known := s.queued.of(k.idle.user); !known {
		// It is the first one of its user in this scan.
		if !t.Begin("status", 0) {
			return nil
		}
		text, err := dir.ReadOften("status", sc.status[:0])
		t.End()
		if err != nil || !s.queued.read(k.idle.user, text) {
			return nil
		}
		sc.status = text
	}
	m, out := *k.idle.process, &Collector{probe: "process", holders: sc.holds[:0], limits: slices.Clone(k.idle.limits)}
	s.updateRecord(k, &m, out.limits)
	t.SetItem(s.processItem(pid, m.StartTicks))
	if !s.sameProgram(t, k, dir) {
		return nil
	}
	r := &result{process: &m, cache: k, idle: k.idle, out: out}
	p := &Proc{Dir: dir, Model: &m, Scan: s, task: t, stat: k.line}
	if m.Namespaces["mnt"] != 0 {
		p.mounts()
	}
	fits := s.fromCache(p, k, sc, r)
	sc.holds = r.out.holders
	if !fits || len(r.out.gaps) > 0 {
		return nil
	}
	r.out.holders = slices.Clone(r.out.holders)
	s.noteProcessNamespaces(p)
	s.members.add(p)
	return r
}

// updateRecord adapts the last snapshot's record of a process, and of its limits, for this one. The
// number of signals queued for its user must be known.
func (s *Scan) updateRecord(k *processCache, m *model.Process, limits []model.Limit) {
	s.queued.apply(k.idle.user, m, limits)
	m.ThreadList = slices.Clone(m.ThreadList)
	m.StartTime = s.startTime(m.StartTicks)
	m.Runtime, m.Timers, m.Frozen = "", model.Opt[int]{}, false // set by the code that looks at waits
}

// idleProcesses lists the processes of which no file need be read, because everything that may have
// changed is known by other means. One process of each user is an exception: its status tells how
// many signals are queued for the user. others are the remaining processes.
func (s *Scan) idleProcesses(pids []int) (idle, others []int) {
	users := map[queueUser]bool{}
	for _, pid := range pids {
		k := s.cachedUnchanged(pid)
		if k == nil || k.idle.tasks[0].content.Program == 0 || !k.unchanged(s.number) || !users[k.idle.user] {
			if others = append(others, pid); k != nil {
				users[k.idle.user] = true
			}
			continue
		}
		idle = append(idle, pid)
	}
	return idle, others
}

// reuseIdle makes the results for these processes from the last snapshot. It never blocks, so
// it needs no guard. It returns the processes of which a file must be read nevertheless.
func (s *Scan) reuseIdle(idle []int) (others []int) {
	type made struct {
		result
		collector Collector
	}
	for _, pid := range idle {
		k, dir := s.cachedUnchanged(pid), (*proc.Dir)(nil)
		if k != nil {
			dir, _ = s.scanner.handles.Get(pid, k.ticks)
		}
		if dir == nil || !s.knowsMountsAndSignals(k.idle) {
			others = append(others, pid)
			continue
		}
		m := *k.idle.process
		m.FDs = k.fds
		s.updateRecord(k, &m, k.idle.limits) // each snapshot has its own
		r := &made{result{process: &m, cache: k, idle: k.idle, unchanged: true}, Collector{probe: "process", limits: k.idle.limits}}
		r.out = &r.collector
		p := Proc{Dir: dir, Model: &m, Scan: s}
		s.noteProcessNamespaces(&p)
		s.members.add(&p)
		s.add(&r.result)
	}
	return others
}

// knowsMountsAndSignals reports whether the scan knows the mount table of the process's namespace, and how
// many signals are queued for its user.
func (s *Scan) knowsMountsAndSignals(i *idle) bool {
	mounted := true
	if ns := i.process.Namespaces["mnt"]; ns != 0 {
		_, mounted = s.mounts.lookup(ns)
	}
	_, counted := s.queued.of(i.user)
	return mounted && counted
}

// sameProgram reports whether the link to a process's program has not changed: its file may
// have been renamed or removed.
func (s *Scan) sameProgram(t *guard.Task, k *processCache, dir *proc.Dir) bool {
	if k.idle.tasks[0].content.Program != 0 {
		return true // included in what the source tells
	}
	if !t.Begin("identity", 0) {
		return false
	}
	defer t.End()
	exe, err := dir.Readlink("exe")
	return exe == k.idle.process.Exe && (err == nil || exe == "")
}

// takeOver returns the record of a process for the snapshot: the last snapshot's record if
// it is equal.
func (r *result) takeOver() *model.Process {
	if r.cache == nil {
		return r.process
	}
	if was := r.cache.idle; was != nil && was == r.idle && sameSince(r.process, was.process) {
		return was.process
	}
	if r.cache.idle = r.idle; r.idle != nil {
		r.idle.process = r.process
	}
	return r.process
}

// sameSince reports whether the code that looks at waits has set the same in a record
// as in the one that it was copied from.
func sameSince(now, was *model.Process) bool {
	return now.Runtime == was.Runtime && now.Timers == was.Timers && now.Frozen == was.Frozen && now.Container == was.Container &&
		now.StartTime.Equal(was.StartTime) && now.FDs == was.FDs && now.Signals == was.Signals && slices.Equal(now.ThreadList, was.ThreadList)
}
