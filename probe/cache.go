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

// The descriptors and mappings of a process cannot change while none of its threads
// runs, unless the process shares its descriptor table or its memory with another
// one. So a scanner that will scan again caches what it read, together with the run
// count of each thread, read just before: how often the thread had been put on a
// processor (/proc/PID/task/TID/schedstat, Linux 2.6.23, if CONFIG_SCHED_INFO is
// set). A thread that slept then and has the same run count now has not run since.
// What was read after all threads were seen asleep is still valid. Other processes
// can change what is behind descriptors, paths and pending signals at any time, so
// only what a probe calls cacheable is taken from the cache; see [FD.Cacheable].

// processCache is what was read of a process, kept for the next scan.
type processCache struct {
	ticks  uint64
	scan   int // the scan in which it was read
	stamps []stamp

	verified time.Time // when all of it was last read
	share    int       // all is read again after this share of the interval, in units of 1/[checkParts]
	content  uint64    // the process's content number (see contentOf) at that time; 0: none

	line   proc.Stat
	kernel *model.Process // of a kernel thread: its whole record
	idle   *idle          // nil: the source does not know enough of the process

	cmdline    []string
	namespaces map[string]uint64
	fds        model.Opt[int]

	// Cacheable holders are joined already; see [joined].
	recheck     []recheckFD       // descriptors that have to be read again
	described   []described       // where the source said that their descriptions are, by descriptor number; nil: not known of all
	fingerprint cachedFingerprint // for checking that it still has all of that
	mappings    bool              // all holders by mapping are cacheable, so mappings need not be read
	joined      bool              // the unchanged records of recheck are joined, too
}

// recheckFD is a descriptor that has to be read again.
type recheckFD struct {
	fd   int32
	link string // what the link reads, where it cannot change: an inode without a name

	// What was emitted. It is valid as long as info is the fdinfo, or counter is the state of
	// the event counter. If neither is set, it depends on more than that.
	info    string
	name    string // of the fdinfo file, below the process's directory
	counter bpf.Watched
	holder  holderRecord
	object  objectRecord

	asked int          // the last scan in which the source was asked for the counter
	now   *bpf.Watched // its answer; nil: unchanged
}

// stamp is the scheduling stamp of a thread: how often it had run.
type stamp struct {
	tid  int
	runs string // its schedstat, or only the run count, as the source told it; "" if the thread may have run since
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

// validStamp returns the stamp, emptied unless the thread slept after the stamp was taken.
func validStamp(m stamp, state string) stamp {
	if state == "R" || state == "" {
		m.runs = ""
	}
	return m
}

// cachedIdle returns what is cached of a process with one thread that has slept ever
// since. It returns nil if the thread may have run, or if dir may belong to another
// process.
func (s *Scan) cachedIdle(pid int, dir *proc.Dir, now stamp) *processCache {
	if !dir.StaysOpen() || now.runs == "" {
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

// stat returns the process's stat line with the fields updated that others can
// change while it sleeps, taken from its status: its parent ends, or its shell
// moves it to another group (setpgid(2)). For a stopped process, stat itself says
// more than status.
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

// cacheGet returns what is cached of a process. It returns nil if a thread of
// the process has run since, or if that is not known.
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

// cachePut caches what was read of a process. If k is nil, nothing is cached.
func (s *Scan) cachePut(pid int, k *processCache) {
	s.scanner.mu.Lock()
	defer s.scanner.mu.Unlock()
	if k != nil {
		s.scanner.cache[pid] = k
	} else {
		delete(s.scanner.cache, pid)
	}
}

// newCache returns what is to be cached of a process that was read. It returns nil if
// something could not be read or may change.
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
		line: p.stat, verified: s.Began, share: checkParts/2 + m.PID%(checkParts/2), content: s.facts.contentOf(m.PID),
		ticks: m.StartTicks, scan: s.number, stamps: slices.Clone(stamps), cmdline: m.Cmdline, namespaces: m.Namespaces, fds: m.FDs,
		recheck: slices.Clone(sc.recheck), described: slices.Clone(sc.described), mappings: !sc.uncacheable,
	}
	if s.facts == nil {
		k.fingerprint = sc.fingerprint.keep()
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

// same reports whether the fdinfo of a descriptor, or its counter, has not changed, so
// that the same records are emitted.
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

// checkParts divides the interval between two checks. The first check of a process is in the
// second half of the interval, at a time that depends on the pid, so that one scan does not
// check all processes.
const checkParts = 64

// sourceCheckFactor is the factor by which the interval is longer while the source says in each scan
// that the process has the same descriptors and mappings.
const sourceCheckFactor = 20

// due reports whether what is cached is to be checked. If k is nil, there is nothing to check.
func (s *Scan) due(pid int, k *processCache) bool {
	if k == nil || k.kernel != nil {
		return false
	}
	every := s.scanner.opts.Check
	if now := s.facts.contentOf(pid); k.content != 0 && now != 0 {
		if now != k.content {
			return true
		}
		every *= sourceCheckFactor
	}
	return !s.Began.Before(k.verified.Add(every / checkParts * time.Duration(k.share)))
}

// check notes that a process was read again although it has not run, so that the join
// compares the result with what is cached. If the process has run meanwhile, there is
// nothing to compare.
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

// keepObjects replaces object records that were read again by the old ones where they are
// equal, so that they are not taken for new objects.
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

// holds reports whether a thread has not run since, according to the proc file system.
// schedstat has three numbers; another source gives only the last of them.
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

// failCheck emits a gap: what was cached is not what was read.
func (r *result) failCheck(what string) {
	r.out.Gap(model.Gap{
		Probe: "process", Reason: model.Other, PID: r.process.PID, Op: "check",
		Detail: what + " changed although it had not run: earlier snapshots did not show that",
	})
}

// unchanged reports whether everything that is emitted of a process is joined already:
// only counters had to be read again, and they have not changed.
func (k *processCache) unchanged(scan int) bool {
	return k.joined && k.mappings && !slices.ContainsFunc(k.recheck, func(a recheckFD) bool { return a.asked != scan || a.now != nil })
}

// fromCache gives a process what is cached of it, and reads the rest. It reports
// false if that does not work; then all has to be read.
func (s *Scan) fromCache(p *Proc, k *processCache, sc *scratch, r *result) bool {
	m := p.Model
	holders, objects := len(r.out.holders), len(r.out.objects)
	same := 0 // how many records of recheck, from the first on, have not changed
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
		return true // the result no longer counts: another thread reads the process now, and owns the cache entry
	}
	k.joined = false // until the new records are
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
			*a = fd.newRecheck(r.out, before, known) // else the joined records would be taken for the earlier ones
		}
	}
	m.FDs = k.fds
	if !k.mappings {
		s.readMappings(p, sc, r)
	}
	return true
}
