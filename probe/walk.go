package probe

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/container"
	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// scratch holds one worker's buffers.
type scratch struct {
	dirents []byte
	tasks   []byte
	link    []byte
	text    []byte
	status  []byte
	info    []byte
	holds   []holderRecord
	stamps  []stamp

	cacheable   []int       // indexes into holds: the cacheable holders
	recheck     []recheckFD // descriptors that are not cacheable
	described   []described // all descriptors, if a source told of them
	uncacheable bool        // there are mappings that are not cacheable
	omitted     []omitted   // descriptors of the process that were left out
	fingerprint fingerprint // see [Scan.fingerprintUnchanged]

	facts *facts // of one process, see [Scan.factsOf]

	cgroupText []byte // the last cgroup file that was read
	cgroup     string // … parsed
}

// cgroupOf is [proc.ParseCgroup] with a cache: most processes have the same text as the one before.
func (sc *scratch) cgroupOf(text []byte) string {
	if !bytes.Equal(text, sc.cgroupText) {
		sc.cgroupText, sc.cgroup = append(sc.cgroupText[:0], text...), proc.ParseCgroup(text)
	}
	return sc.cgroup
}

var scratches = sync.Pool{New: func() any {
	return &scratch{dirents: make([]byte, 32<<10), tasks: make([]byte, 8<<10), link: make([]byte, 4200), text: make([]byte, 0, 8<<10)}
}}

// clockTicks is USER_HZ: the kernel's unit for start times, 100 on every
// architecture Go runs on.
const clockTicks = 100

// walk reads all processes.
func (s *Scan) walk(ctx context.Context) error {
	begin := time.Now()
	sc := scratches.Get().(*scratch)
	pids, err := s.root.PIDs(sc.dirents)
	scratches.Put(sc)
	if err != nil {
		return err
	}
	if len(pids) == 0 {
		return fmt.Errorf("%s is not a proc file system: there is no process in it", s.ProcRoot)
	}
	s.noteHidden(pids)
	s.readFacts(ctx, pids)
	s.readCounters(ctx, pids)
	if s.facts == nil {
		s.findWanted(ctx, pids)
	}
	report := progress(s.scanner.opts.Progress, len(pids))
	idle, others := s.idleProcesses(pids)
	vanished := s.readEach(ctx, others, report)
	others = s.reuseIdle(idle)
	for range len(idle) - len(others) {
		report()
	}
	vanished += s.readEach(ctx, others, report)
	if err := ctx.Err(); err != nil {
		// The results of this scan will not be joined.
		s.scanner.cacheDrop(func(pid int) bool { return s.scanner.cache[pid].scan == s.number })
		return err
	}
	if s.scanner.opts.Repeated {
		s.noteHiddenRan()
		s.dropCaches(pids)
		s.scanner.owners.keep(pids)
	}
	vanished += s.dropEnded()
	if vanished > 0 {
		out := &Collector{probe: "process"}
		out.Gap(model.Gap{Reason: model.Vanished, Op: "read", Count: vanished, Detail: "processes that ended while being read"})
		s.add(&result{out: out})
	}
	if s.mappings.Load() {
		s.readSkippedMappings()
	}
	s.addDuration("process", time.Since(begin))
	return nil
}

// readEach reads the processes, and returns how many of them ended meanwhile.
func (s *Scan) readEach(ctx context.Context, pids []int, report func()) (vanished int) {
	s.scanner.guard.Each(len(pids), s.scanner.opts.Workers, func(i int) guard.Item { return guard.Item{Key: pids[i], Owner: s.owner(int32(pids[i]))} },
		func(t *guard.Task, i int) func() {
			if ctx.Err() != nil {
				return nil
			}
			if i == len(pids)*2/3 {
				s.prefetched.Do(s.prefetch)
			}
			r, err := s.enter(t, pids[i])
			return func() {
				report()
				if r == nil {
					s.cachePut(pids[i], nil) // its cached holders are not joined in this scan
				}
				switch {
				case r != nil:
					s.add(r)
					if r.verified {
						r.cache.verified, r.cache.share = s.Began, checkParts
					}
					s.cachePut(pids[i], r.cache)
				case proc.Gone(err):
					vanished++
				default:
					s.add(&result{unreadable: true, partialFDs: true, partialMaps: true, out: failed(pids[i], err)})
				}
			}
		})
	return vanished
}

// progressInterval is the shortest time between two reports.
const progressInterval = 50 * time.Millisecond

// progress returns a function to call after each process; it reports their number at intervals.
func progress(tell func(done, total int), total int) (report func()) {
	if tell == nil {
		return func() {}
	}
	done, last := 0, time.Now()
	return func() {
		done++
		if now := time.Now(); done == total || now.Sub(last) >= progressInterval {
			last = now
			tell(done, total)
		}
	}
}

// enter opens the directory of a process, unless it is still open from the last scan, and
// reads the process.
func (s *Scan) enter(t *guard.Task, pid int) (r *result, err error) {
	var fromSource *bpf.Task
	read := func(dir *proc.Dir) {
		err = s.recovered(func() (err error) {
			r, err = s.readProcess(t, pid, dir, fromSource)
			return err
		})
	}
	h := s.scanner.handles
	if dir, ok := h.Of(pid); ok {
		if read(dir); !proc.Gone(err) {
			return r, err
		}
		h.Drop(func(p int) bool { return p != pid }) // the pid may be another process's now
	}
	var dir *proc.Dir
	if fromSource = s.taskFromSource(pid); fromSource != nil {
		dir = s.root.Below(strconv.Itoa(pid))
	} else if dir, err = s.root.Open(strconv.Itoa(pid)); err != nil {
		return nil, err
	}
	if read(dir); r == nil || t.TimedOut() || !dir.IsOpen() || !h.Put(r.process.PID, r.process.StartTicks, dir) {
		dir.Close()
	}
	return r, err
}

// prefetch calls the probes' Prefetch hooks.
func (s *Scan) prefetch() {
	for i := range s.scanner.opts.Probes {
		if early := s.scanner.opts.Probes[i].Prefetch; early != nil {
			go func() { _ = s.recovered(func() error { early(s); return nil }) }()
		}
	}
}

// processKey distinguishes a process from a later one with the same pid.
type processKey struct {
	pid   int
	ticks uint64
}

func failed(pid int, err error) *Collector {
	out := &Collector{probe: "process"}
	out.Gap(model.Gap{Reason: proc.ReasonOf(err), PID: pid, Op: "read", Detail: err.Error()})
	return out
}

// readProcess reads one process. An error means that nothing could be read.
func (s *Scan) readProcess(t *guard.Task, pid int, dir *proc.Dir, fromSource *bpf.Task) (*result, error) {
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	stamps := append(sc.stamps[:0], stamp{pid, s.readStamp(pid, dir, "schedstat")})

	idle := s.cachedIdle(pid, dir, stamps[0])
	if idle != nil && idle.kernel != nil {
		if s.facts == nil || s.facts.task(int32(pid)).ticks != idle.ticks {
			if err := dir.Alive(); err != nil {
				return nil, err
			}
		}
		m := *idle.kernel
		return &result{process: &m, out: &Collector{probe: "process"}, cache: idle}, nil
	}
	if r := s.readUnchanged(t, pid, dir, sc); r != nil {
		return r, nil
	}
	text, err := s.readStatus(t, dir, fromSource, sc)
	if err != nil {
		return nil, err
	}
	st, ok := proc.Stat{}, false
	switch {
	case fromSource != nil:
		st, ok = statFromSource(fromSource), true
	case idle != nil && !s.due(pid, idle):
		st, ok = idle.stat(text)
	}
	if !ok {
		if st, err = s.readStat(t, dir, sc); err != nil {
			return nil, err
		}
	}

	m := &model.Process{
		PID: pid, StartTicks: st.StartTicks, PPID: st.Ppid, PGID: st.Pgrp, SID: st.Session, TTY: proc.TTYName(st.TtyNr),
		Comm: st.Comm, State: string(st.State), Threads: st.Threads, Kernel: st.Kernel,
		StartTime: s.startTime(st.StartTicks),
		Self:      pid == s.selfPID || s.selfPID != 0 && st.Ppid == s.selfPID && st.Comm == HelperName,
	}
	fillFromStatus(m, text)
	if uid, ok := m.UID.Get(); ok {
		m.User = s.scanner.users.name(uid)
	}
	if st.StopSignal != 0 {
		m.StopSignal = model.SignalName(st.StopSignal)
	}
	s.scanner.owners.set(int32(pid), text)
	t.SetItem(s.processItem(pid, st.StartTicks))
	r := &result{process: m, fromSource: fromSource != nil, out: &Collector{probe: "process", holders: sc.holds[:0]}}
	p := &Proc{Dir: dir, Model: m, Status: text, Scan: s, task: t, fromSource: fromSource, stat: st}
	if m.Threads > 1 && st.State != 'X' {
		stamps = s.readThreads(p, sc, r.out, stamps[:0])
	} else {
		stamps[0] = validStamp(stamps[0], m.State)
	}
	sc.stamps = stamps
	forgetThreads(dir, stamps)
	known := s.cacheGet(m, stamps)
	due := s.due(pid, known)
	if !m.Kernel {
		if known != nil && !due {
			m.Cmdline, m.Namespaces = known.cmdline, known.namespaces
		} else {
			s.readArguments(p, sc, r.out)
			s.readIdentity(p, sc, r.out)
		}
		s.noteThreadNamespaces(p)
		s.readPlace(p, sc)
		if m.Namespaces["mnt"] != 0 {
			p.mounts() // some mounts keep namespaces that no process lives in
		}
	}
	m.Label = model.DisplayName(m.Comm, m.Cmdline)
	for i := range s.scanner.opts.Probes {
		if hook := s.scanner.opts.Probes[i].Process; hook != nil {
			r.out.probe = s.scanner.opts.Probes[i].Name
			hook(p, r.out)
		}
	}
	switch {
	case m.Kernel:
		r.cache = s.newCache(p, r, sc, stamps)
	case known != nil && (!due || s.fingerprintUnchanged(p, known, sc)) && s.fromCache(p, known, sc, r):
		r.cache, r.verified = known, due
	default:
		dir.ForgetDescriptors()
		sc.fingerprint.reset()
		sc.cacheable, sc.recheck, sc.described, sc.uncacheable, sc.omitted = sc.cacheable[:0], sc.recheck[:0], sc.described[:0], false, sc.omitted[:0]
		s.readDescriptors(p, sc, r)
		s.wanted.noteOmitted(sc.omitted)
		if !s.WaitsOnly() {
			s.readMappings(p, sc, r)
		} else {
			s.skipMappings(r)
			s.noteCalls(p)
		}
		if r.cache = s.newCache(p, r, sc, stamps); r.cache == nil && !r.ownTables {
			r.described = slices.Clone(sc.described)
		}
		if due {
			s.check(p, known, r, stamps)
		}
	}
	if r.unreadable || r.partialFDs || r.out.unknownHolders {
		r.stamps = slices.Clone(stamps)
	}
	r.out.probe = "process"
	if !s.WaitsOnly() {
		p.limitDescriptors(r.out)
	}
	r.idle = s.newIdle(p, r, stamps)
	s.noteProcessNamespaces(p)
	s.members.add(p)

	// The directory is bound to this process. If its files still exist, everything read
	// above was about this process.
	if fromSource == nil {
		if err := dir.Alive(); err != nil {
			return nil, err
		}
	}
	// Holders are kept until all processes are read, so the copy has no spare capacity.
	sc.holds = r.out.holders
	r.out.holders = slices.Clone(r.out.holders)
	return r, nil
}

// startTime returns the wall clock time at which a process started.
func (s *Scan) startTime(ticks uint64) time.Time {
	return s.BootTime.Add(time.Duration(ticks) * (time.Second / clockTicks)).UTC()
}

// readStatus reads a process's status file, or builds its text from what the source told.
func (s *Scan) readStatus(t *guard.Task, dir *proc.Dir, fromSource *bpf.Task, sc *scratch) (text []byte, err error) {
	defer func() { sc.status = text }()
	if fromSource != nil {
		if text, ok := s.statusFromSource(fromSource, sc.status[:0]); ok {
			return text, nil
		}
	}
	// A process can be stuck in such a way that reading even its stat file blocks.
	if !t.Begin("status", 0) {
		return nil, guard.ErrGivenUp
	}
	text, err = dir.ReadOften("status", sc.status[:0])
	t.End()
	if err == nil && fromSource != nil {
		uid := strconv.FormatUint(uint64(fromSource.RealUID), 10)
		s.queued.read(queueUser{fromSource.Namespaces.User, uid}, text)
		if made, ok := s.statusFromSource(fromSource, text[:0]); ok {
			text = made // built from the source, so certainly about the process that it told of
		}
	}
	return text, err
}

func (s *Scan) readStat(t *guard.Task, dir *proc.Dir, sc *scratch) (proc.Stat, error) {
	if !t.Begin("stat", 0) {
		return proc.Stat{}, guard.ErrGivenUp
	}
	text, err := dir.ReadRecord("stat", sc.link[:0])
	t.End()
	if err != nil {
		return proc.Stat{}, err
	}
	return proc.ParseStat(text)
}

// readArguments reads the command line, for which the kernel takes the process's
// memory lock and reads its memory.
func (s *Scan) readArguments(p *Proc, sc *scratch, out *Collector) {
	if !p.task.Begin("cmdline", 0) {
		out.Gap(model.Gap{Reason: model.Timeout, PID: p.Model.PID, Op: "cmdline", Detail: guard.ErrGivenUp.Error()})
		return
	}
	b, err := p.Dir.ReadRecord(p.through()+"cmdline", sc.text[:0])
	p.task.End()
	if err != nil || len(b) == 0 {
		return
	}
	sc.text = b
	// A program that sets its title leaves empty strings at the end.
	if b = bytes.TrimRight(b, "\x00"); len(b) == 0 {
		return
	}
	for _, arg := range bytes.Split(b, []byte{0}) {
		p.Model.Cmdline = append(p.Model.Cmdline, string(arg))
	}
}

// readIdentity reads the namespaces of a process. Without the permission (ptrace(2),
// "access mode checking") they stay unknown, and so does exe; the gap for the
// descriptors says so once.
func (s *Scan) readIdentity(p *Proc, sc *scratch, out *Collector) {
	m := p.Model
	if !p.task.Begin("identity", 0) {
		out.Gap(model.Gap{Reason: model.Timeout, PID: m.PID, Op: "exe, cgroup, ns", Detail: guard.ErrGivenUp.Error()})
		return
	}
	defer p.task.End()
	types := proc.NamespaceTypes
	if s.WaitsOnly() {
		types = waitNamespaces
	}
	if m.Namespaces = s.facts.namespacesOf(m, types); m.Namespaces != nil {
		return
	}
	through := p.through()
	for _, t := range types {
		link, err := p.Dir.Readlink(through + "ns/" + t)
		if err != nil {
			continue
		}
		if n, err := proc.ParseNamespace(link); err == nil {
			if m.Namespaces == nil {
				m.Namespaces = make(map[string]uint64, len(proc.NamespaceTypes))
			}
			m.Namespaces[t] = n
		}
	}
}

// readPlace reads what other processes may change while this one sleeps: its cgroup, and
// the path of its program, which may have been renamed or deleted.
func (s *Scan) readPlace(p *Proc, sc *scratch) {
	if !p.task.Begin("identity", 0) {
		return // readIdentity has emitted a gap already
	}
	defer p.task.End()
	p.Model.Exe, _ = p.Dir.Readlink(p.through() + "exe")
	if p.fromSource != nil {
		var known bool
		if p.Model.Cgroup, known = s.facts.cgroupOf(p.fromSource); known {
			container.Place(p.Model)
			return
		}
	}
	if b, err := p.Dir.ReadOften("cgroup", sc.text[:0]); err == nil {
		p.Model.Cgroup = sc.cgroupOf(b)
		container.Place(p.Model)
	}
}
