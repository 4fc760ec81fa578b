package probe

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// What a process has cannot change while none of its threads runs, unless it shares
// its descriptor table or its memory with another process. So a scanner that is to
// scan again caches what it read, with how often each thread had been put on a
// processor just before (/proc/PID/task/TID/schedstat, Linux 2.6.23, as long as
// CONFIG_SCHED_INFO is set). Threads that slept then and have not been put on one
// since have not run, and what was read after they were seen asleep still holds.
// Others change what is behind descriptors, paths and pending signals at any time,
// so only what a probe calls cacheable is taken from here; see [FD.Cacheable].

// processCache is what was read of a process, for the next scan.
type processCache struct {
	ticks  uint64
	scan   int // in which it was read
	stamps []stamp

	verified time.Time // when all was read last
	share    int       // of the time after which all is to be read again, in parts of [checkParts]
	held     uint64    // what the source said then of all that the process has; 0: nothing

	line   proc.Stat
	kernel *model.Process // of a kernel thread: all of it
	idle   *idle          // nil: the source does not know enough of it

	cmdline    []string
	namespaces map[string]uint64
	fds        model.Opt[int]

	// The holders that are cacheable are joined already; see [joined].
	recheck   []recheckFD // descriptors that have to be read again
	described []described // where a source said that their descriptions are, in order of numbers; nil: it did not tell of all
	had       hadBefore   // by which it is checked that it has all of that still
	mappings  bool        // whether the holders by mapping need not be: all are cacheable
	joined    bool        // what is emitted again of recheck as it is, is joined, too
}

// recheckFD is a descriptor that has to be read again.
type recheckFD struct {
	fd   int32
	link string // where that leads to cannot change: an inode without a name

	// What was emitted, as long as this is its fdinfo, or the counter behind it is this. Where
	// there is neither it depends on more.
	info    string
	name    string // of that, below the process's directory
	counter bpf.Watched
	holder  holderRecord
	object  objectRecord

	asked int          // the last scan in which it was asked for the counter
	now   *bpf.Watched // what that said; nil: the same
}

// stamp is how often a thread had run: its scheduling stamp.
type stamp struct {
	tid  int
	runs string // its schedstat, or its run count alone, as the source told it; "" if it may have run since
}

// readStamp reads a thread's schedstat. It must be read before the state of the
// thread, and that before anything that is to be cached.
func (s *Scan) readStamp(tid int, dir *proc.Dir, name string) string {
	if !s.scanner.opts.Repeated {
		return ""
	}
	if s.facts != nil {
		if t, ok := s.facts.tasks[int32(tid)]; ok {
			return t.runs
		}
	}
	var buf [96]byte
	text, err := dir.ReadOften(name, buf[:0])
	if err != nil || bytes.HasSuffix(text, []byte(" 0\n")) { // a kernel that does not count
		return ""
	}
	return string(text)
}

// validStamp is a stamp, which is empty unless the thread slept after it was taken.
func validStamp(m stamp, state string) stamp {
	if state == "R" || state == "" {
		m.runs = ""
	}
	return m
}

// cachedIdle returns what is cached of a process of one thread that has slept since;
// nil if it may not have, or if dir need not be of that process.
func (s *Scan) cachedIdle(pid int, dir *proc.Dir, now stamp) *processCache {
	if !dir.Kept() || now.runs == "" {
		return nil
	}
	s.scanner.mu.Lock()
	k := s.scanner.cache[pid]
	s.scanner.mu.Unlock()
	if k == nil || len(k.stamps) != 1 || k.stamps[0] != now {
		return nil
	}
	return k
}

// stat is the process's stat as far as others change it while it sleeps, from its
// status: its parent ends, its shell moves it to another group (setpgid(2)). Of one
// that is stopped stat says more.
func (k *processCache) stat(status []byte) (proc.Stat, bool) {
	st, ok := k.line, true
	number := func(name string) int {
		v, _ := proc.StatusField(status, name)
		v, _, _ = bytes.Cut(v, []byte("\t")) // one for each pid namespace it is in
		n, err := strconv.Atoi(string(v))
		ok = ok && err == nil
		return n
	}
	st.Ppid, st.Pgrp, st.Session, st.Threads = number("PPid"), number("NSpgid"), number("NSsid"), number("Threads") // Linux 4.1
	state, _ := proc.StatusField(status, "State")
	if len(state) == 0 || state[0] == 'T' || state[0] == 't' || st.Threads != 1 {
		return st, false
	}
	st.State = state[0]
	return st, ok
}

// cacheGet returns what is cached of a process, if no thread of it has run
// since: nil if one has, or if that cannot be told.
func (s *Scan) cacheGet(m *model.Process, stamps []stamp) *processCache {
	s.scanner.mu.Lock()
	k := s.scanner.cache[m.PID]
	s.scanner.mu.Unlock()
	if k == nil || k.ticks != m.StartTicks || !slices.Equal(k.stamps, stamps) {
		return nil
	}
	if slices.ContainsFunc(stamps, func(m stamp) bool { return m.runs == "" }) {
		return nil
	}
	return k
}

// cachePut caches what was read of a process, nothing if k is nil.
func (s *Scan) cachePut(pid int, k *processCache) {
	s.scanner.mu.Lock()
	defer s.scanner.mu.Unlock()
	if k != nil {
		s.scanner.cache[pid] = k
	} else {
		delete(s.scanner.cache, pid)
	}
}

// newCache makes what is to be cached of a process that was read, nil if something of
// it could not be read or may change.
func (s *Scan) newCache(p *Proc, r *result, sc *scratch, stamps []stamp) *processCache {
	m := p.Model
	if !s.scanner.opts.Repeated || m.Self || r.unreadable || r.partialFDs || r.partialMaps || r.ownTables || len(r.out.gaps) > 0 ||
		slices.ContainsFunc(stamps, func(m stamp) bool { return m.runs == "" }) {
		return nil
	}
	if m.Kernel {
		whole := *m
		return &processCache{ticks: m.StartTicks, scan: s.number, stamps: slices.Clone(stamps), line: p.stat, kernel: &whole}
	}
	k := &processCache{
		line: p.stat, verified: s.Began, share: checkParts/2 + m.PID%(checkParts/2), held: s.facts.heldBy(m.PID),
		ticks: m.StartTicks, scan: s.number, stamps: slices.Clone(stamps), cmdline: m.Cmdline, namespaces: m.Namespaces, fds: m.FDs,
		recheck: slices.Clone(sc.recheck), described: slices.Clone(sc.described), mappings: !sc.uncacheable,
	}
	if s.facts == nil {
		k.had = sc.had.keep()
	}
	for _, i := range sc.cacheable {
		h := &r.out.holders[i]
		h.cached = k.mappings || h.holder.Via == model.ViaFD
	}
	return k
}

// newRecheck notes a descriptor that is not cacheable, with what was emitted about it.
func (f *FD) newRecheck(out *Collector, holders, objects int) recheckFD {
	a := recheckFD{fd: f.Num}
	if bytes.HasPrefix(f.Link, []byte("anon_inode:")) {
		a.link = string(f.Link)
	}
	if f.TID != 0 || len(out.holders) != holders+1 || len(out.objects) != objects+1 {
		return a
	}
	switch {
	case f.byCounter:
		a.counter = f.watched()
	case f.byInfo:
		a.name, a.info = "fdinfo/"+strconv.Itoa(int(f.Num)), string(*f.info)
	default:
		return a
	}
	a.holder, a.object = out.holders[holders], out.objects[objects]
	return a
}

// same reports whether the fdinfo of a descriptor or its counter is still what it was, so
// that the same is to be emitted.
func (a *recheckFD) same(p *Proc, sc *scratch) bool {
	if a.asked == p.Scan.number && a.now == nil {
		return true
	}
	if a.info == "" || !p.task.Begin(OpInfo, a.fd) {
		return false
	}
	text, err := p.Dir.ReadOften(a.name, sc.info[:0])
	p.task.End()
	sc.info = text
	return err == nil && string(text) == a.info
}

// checkParts divide the time between two checks. The first one is in the second half of it, of
// some processes sooner than of others, so that not all are in one scan.
const checkParts = 64

// toldChecks is how many times as long is relied on what is cached as long as the source says
// in each scan that the process has the same descriptors and mappings.
const toldChecks = 20

// due reports whether what is cached is to be checked. Nothing is where k is nil.
func (s *Scan) due(pid int, k *processCache) bool {
	if k == nil || k.kernel != nil {
		return false
	}
	every := s.scanner.opts.Check
	if now := s.facts.heldBy(pid); k.held != 0 && now != 0 {
		if now != k.held {
			return true
		}
		every *= toldChecks
	}
	return !s.Began.Before(k.verified.Add(every / checkParts * time.Duration(k.share)))
}

// check notes that all was read of a process again although it has not run, so that the join
// compares it with what it has. If it has run meanwhile there is nothing to compare.
func (s *Scan) check(p *Proc, known *processCache, r *result, stamps []stamp) {
	for _, was := range stamps {
		if !was.holds(p.Dir) {
			return
		}
	}
	if r.checked = r.cache != nil; r.checked {
		r.cache.share = checkParts
		r.keepObjects(known)
	}
	switch m := p.Model; {
	case !slices.Equal(m.Cmdline, known.cmdline):
		r.failCheck("its command line")
	case !maps.Equal(m.Namespaces, known.namespaces):
		r.failCheck("one of its namespaces")
	case m.Comm != known.line.Comm:
		r.failCheck("its name")
	}
}

// keepObjects has what was read again of descriptors be the records that it was, where it is
// the same, so that nobody takes them for others.
func (r *result) keepObjects(known *processCache) {
	at := 0
	for i := range min(len(r.cache.recheck), len(known.recheck)) {
		a, was := &r.cache.recheck[i], &known.recheck[i]
		if a.object.object == nil || a.fd != was.fd || a.info != was.info || a.counter != was.counter || a.object.key != was.object.key {
			continue
		}
		for ; at < len(r.out.objects); at++ {
			if o := &r.out.objects[at]; o.object == a.object.object {
				o.object, a.object.object = was.object.object, was.object.object
				break
			}
		}
	}
}

// holds reports whether a thread has not run since, by the proc file system, which has
// three numbers where another source has the last of them.
func (m stamp) holds(dir *proc.Dir) bool {
	var buf [96]byte
	text, err := dir.ReadRecord("task/"+strconv.Itoa(m.tid)+"/schedstat", buf[:0])
	if err != nil {
		return false
	}
	var space [4][]byte
	f := proc.AppendFields(space[:0], text)
	return string(text) == m.runs || len(f) == 3 && string(f[2]) == m.runs
}

// failCheck says that what was cached is not what was read.
func (r *result) failCheck(what string) {
	r.out.Gap(model.Gap{
		Probe: "process", Reason: model.Other, PID: r.process.PID, Op: "check",
		Detail: what + " changed although it had not run: earlier snapshots did not show that",
	})
}

// unchanged reports whether all that is emitted of a process is joined already: it has
// nothing that has to be read again but counters, and these are what they were.
func (k *processCache) unchanged(scan int) bool {
	return k.joined && k.mappings && !slices.ContainsFunc(k.recheck, func(a recheckFD) bool { return a.asked != scan || a.now != nil })
}

// fromCache gives a process what is cached of it, and reads the rest. It reports
// false if that does not fit: then all has to be read.
func (s *Scan) fromCache(p *Proc, k *processCache, sc *scratch, r *result) bool {
	m := p.Model
	holders, objects := len(r.out.holders), len(r.out.objects)
	same := 0 // so many of recheck, from the first one on, are what they were
	if holders == 0 && objects == 0 && k.joined && k.mappings {
		for same < len(k.recheck) && k.recheck[same].same(p, sc) {
			same++
		}
		r.unchanged = same == len(k.recheck)
	}
	switch {
	case r.unchanged:
		m.FDs = k.fds
		return true
	case p.task.TimedOut():
		return true // whatever that is: another reads the process now, and has what is cached
	}
	k.joined = false // until this is
	fd := FD{Proc: p, out: r.out, info: &sc.info, often: true}
	defer func() { fd.dir.Close() }()
	fail := func() bool {
		r.out.holders, r.out.objects = r.out.holders[:holders], r.out.objects[:objects]
		return false
	}
	var name [12]byte
	for i := range k.recheck {
		a := &k.recheck[i]
		if i < same || a.same(p, sc) {
			r.out.holders, r.out.objects = append(r.out.holders, a.holder), append(r.out.objects, a.object)
			continue
		}
		if fd.dir == nil {
			var err error
			if fd.dir, err = p.Dir.Open("fd"); err != nil {
				return fail()
			}
		}
		before, known := len(r.out.holders), len(r.out.objects)
		fd.counter, fd.byCounter, fd.byInfo = a.counted(s.number), false, false
		text := append(strconv.AppendInt(name[:0], int64(a.fd), 10), 0)
		n := copy(sc.link, a.link)
		if n == 0 {
			var errno unix.Errno
			if n, errno = fd.dir.ReadlinkC(&text[0], sc.link); errno != 0 || n == len(sc.link) {
				return fail()
			}
		}
		fd.Num, fd.Link, fd.name, fd.statted = a.fd, sc.link[:n], &text[0], false
		s.descriptor(&fd, r.out)
		if (fd.byCounter || fd.byInfo) && !p.task.TimedOut() {
			*a = fd.newRecheck(r.out, before, known) // or what is joined would be taken for what was before
		}
	}
	m.FDs = k.fds
	if !k.mappings {
		s.readMappings(p, sc, r)
	}
	return true
}
