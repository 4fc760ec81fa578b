package probe

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/proc"
)

// A scan reads processes from a source. The proc file system is always there and has
// everything. eBPF has threads and descriptors of the whole machine at once, also those that
// the proc file system refuses to show. Readers do not know which source it was.

// Source tells of threads and descriptors in addition to the proc file system;
// [bpf.Source] is one. Its methods may be called concurrently.
type Source interface {
	// Tasks calls f for every thread, Files for every descriptor, and FilesOf for those of
	// one process. The argument of f is valid until f returns.
	Tasks(parts bpf.TaskParts, f func(*bpf.Task)) error
	Files(f func(*bpf.File)) error
	FilesOf(pid int, f func(*bpf.File)) error

	// Mappings calls f for every shared mapping of a process, and done after the last one of
	// the process: all is false if some of its mappings are missing.
	Mappings(f func(*bpf.Mapping), done func(pid, tid int, all bool)) error

	// Contents calls f for every process, with the numbers that change if what it has changes.
	Contents(f func(bpf.Content)) error

	// Changed calls f for each pipe or event counter whose state differs from that in the list,
	// with its index in the list. Some process that has it open must not have run since it was read.
	Changed(list []bpf.Watched, f func(i int, now bpf.Watched)) error

	// SocketSum returns a sum over a table of sockets in the calling thread's network namespace;
	// it changes when the table does.
	SocketSum(table bpf.SocketTable) (bpf.SocketSum, error)

	// Owns reports whether a descriptor of ipctop itself exists only for the source.
	Owns(fd int) bool
}

// SourceUse says when a scan uses a [Source] in addition to the proc file system.
type SourceUse int

const (
	// SourceWhereWorth: if it saves more than it costs to open, or knows what the proc
	// file system refuses to show.
	SourceWhereWorth SourceUse = iota
	// SourceAlways: in each scan.
	SourceAlways
)

// manyFiles is the number of open files from which on opening a source is worth it for a
// single scan: reading that many from the proc file system takes as long.
const manyFiles = 5000

// facts are what a source told at the beginning of a scan.
type facts struct {
	source Source
	once   bool         // no scan follows, so nothing needs to be cached
	whole  bool         // all descriptors were read
	mapped *mappedFacts // nil: mappings were not read
	tasks  map[int32]*taskFacts
	tables map[int32]fdTable // by thread
	own    map[int32][]int32 // by process: its threads with tables of their own, without the main thread
	files  []sourceFile
	links  []byte
	events []bpf.Watched

	cgroups    map[uint64]*cgroupFacts // by the set of control groups that a thread is in
	namespaces sharedNamespaces

	wanted   *wanted // which descriptors are taken; nil: all of them
	inFlight bool    // some UNIX socket has descriptors in its queue

	pipesMu sync.Mutex
	pipes   map[inode]bpf.Watched // also those of processes that were read one by one
}

// inode names a file by device and number.
type inode struct{ dev, num uint64 }

// taskFacts are the known facts about a thread. While the source tells the same about the
// thread, the record of the last scan is reused.
type taskFacts struct {
	tid    int32
	pid    int32
	ticks  uint64
	runs   string // as in a [stamp]
	record string // everything that the source told about the thread

	runCount uint64 // runs as a number; 0 if the kernel does not count
	uid      uint32 // real user
	lives    bool   // its process still existed when all had been read

	namespaces bpf.TaskNamespaces

	content bpf.Content // of a process, if this is its main thread
}

// contentOf returns the content number of a process; 0 if it is not known.
func (f *facts) contentOf(pid int) uint64 {
	if f == nil || f.tasks[int32(pid)] == nil {
		return 0
	}
	return f.tasks[int32(pid)].content.Held
}

// task returns the known facts about a thread.
func (f *facts) task(tid int32) taskFacts {
	if t := f.tasks[tid]; t != nil {
		return *t
	}
	return taskFacts{}
}

// fdTable are the descriptors of a thread: a part of facts.files.
type fdTable struct {
	from, to int
	table    uint64
	stable   bool // no process with this table ran while it was read
}

// sourceFile is a descriptor. It has no pointers: there are as many as files are open.
type sourceFile struct {
	description, ino, dev uint64
	link                  uint32 // offset in facts.links
	linkLength            uint16
	read, write           bool
	fd                    int32
	mode, magic           uint32
	inFlight              int32 // see [queuedDescriptors]
	event                 int32 // index in facts.events plus 1; 0: not an event counter
}

// newFacts opens the source for the scan. It returns nil if there is none.
func (s *Scan) newFacts(ctx context.Context) *facts {
	o := &s.scanner.opts
	if o.Source == nil || !s.PIDCalls {
		return nil
	}
	source, err := o.Source()
	if err != nil {
		o.Log.LogAttrs(ctx, slog.LevelDebug, "no eBPF source", slog.String("why", err.Error()))
		return nil
	}
	return newFacts(source)
}

// worthSource reports whether using a source pays off, before anything is known about the machine.
func (s *Scan) worthSource() bool {
	o := &s.scanner.opts
	if o.Repeated || o.SourceUse == SourceAlways {
		return true
	}
	return OpenFiles(s.ProcRoot) >= manyFiles
}

// OpenFiles returns how many open file descriptions the machine has; 0 if that is not known.
// It is read from sys/fs/file-nr of a proc file system; see proc_sys_fs(5).
func OpenFiles(procRoot string) int {
	text, err := os.ReadFile(filepath.Join(procRoot, "sys/fs/file-nr"))
	if err != nil {
		return 0
	}
	first, _, _ := bytes.Cut(text, []byte("\t"))
	n, err := strconv.Atoi(string(first))
	if err != nil {
		return 0
	}
	return n
}

// readFacts reads what the source knows about all processes. It runs after the list of
// processes was read, so that the facts include each listed process that still exists.
func (s *Scan) readFacts(ctx context.Context, pids []int) {
	if !s.worthSource() {
		return
	}
	f := s.newFacts(ctx)
	if s.facts = f; f == nil {
		return
	}
	f.once = !s.scanner.opts.Repeated
	if err := f.readTasks(s.scanner.tasks, s.contents(ctx)); err != nil {
		s.giveUpFacts(ctx, err)
		return
	}
	s.readCgroups(f)
	if s.scanner.opts.Repeated {
		s.scanner.tasks = f.tasks
	}
	if s.scanner.opts.Probes == nil || !s.mostStale(pids) {
		return
	}
	s.findWanted(ctx, pids)
	f.makeRoom(OpenFiles(s.ProcRoot))
	done := make(chan *mappedFacts, 1)
	if s.wantMapped(len(pids)) && !s.WaitsOnly() {
		go func() { done <- s.readMapped(ctx, f.source) }()
	} else {
		done <- nil
	}
	err := f.readFiles(s.wanted)
	f.mapped = <-done
	if err != nil {
		s.giveUpFacts(ctx, err)
		return
	}
	out := &Collector{probe: "process"}
	out.Backend("descriptors", "eBPF")
	s.add(&result{out: out})
}

func (s *Scan) giveUpFacts(ctx context.Context, err error) {
	s.scanner.opts.Log.LogAttrs(ctx, slog.LevelDebug, "eBPF source given up", slog.String("why", err.Error()))
	s.facts, s.wanted = nil, nil
}

// mostStale reports whether so many processes have run since they were cached that reading
// the descriptors of all processes at once is faster than one process at a time.
func (s *Scan) mostStale(pids []int) bool {
	s.scanner.mu.Lock()
	defer s.scanner.mu.Unlock()
	stale := 0
	for _, pid := range pids {
		k := s.scanner.cache[pid]
		if k == nil || slices.ContainsFunc(k.stamps, func(m stamp) bool { return s.facts.task(int32(m.tid)).runs != m.runs }) {
			stale++
		}
	}
	return stale > len(pids)/4
}

// contents returns the content of each process by pid; nil if no other scan follows, or if the
// source cannot tell.
func (s *Scan) contents(ctx context.Context) map[int]bpf.Content {
	if !s.scanner.opts.Repeated {
		return nil
	}
	byPID := make(map[int]bpf.Content, len(s.scanner.cache))
	if err := s.facts.source.Contents(func(c bpf.Content) { byPID[c.PID] = c }); err != nil {
		s.scanner.opts.Log.LogAttrs(ctx, slog.LevelDebug, "eBPF: what processes have is not compared", slog.String("why", err.Error()))
		return nil
	}
	return byPID
}

// readTasks reads what the source tells about all threads. last has the facts of the last scan.
func (f *facts) readTasks(last map[int32]*taskFacts, contents map[int]bpf.Content) error {
	f.tasks = make(map[int32]*taskFacts, len(last))
	return f.source.Tasks(bpf.TaskState, func(t *bpf.Task) {
		was, now := last[int32(t.TID)], bpf.Content{}
		if t.TID == t.PID {
			now = contents[t.PID]
		}
		if was == nil || was.record != string(t.Record) || was.content != now {
			was = &taskFacts{
				tid: int32(t.TID), pid: int32(t.PID), ticks: t.StartTicks, runs: runsText(t), record: string(t.Record), runCount: t.Runs,
				uid: t.RealUID, namespaces: t.Namespaces, content: now,
			}
		}
		f.tasks[int32(t.TID)] = was
		if f.once && t.TID == t.PID && f.cgroups[t.CgroupSet] == nil {
			f.cgroups[t.CgroupSet] = &cgroupFacts{pid: was.pid, ticks: was.ticks}
		}
	})
}

// runsText returns how often a thread has run; "" if the kernel does not count.
func runsText(t *bpf.Task) string {
	if t.Runs == 0 {
		return ""
	}
	return strconv.FormatUint(t.Runs, 10)
}

// makeRoom allocates memory for the descriptors of so many open files. It grows if many files
// have more than one descriptor.
func (f *facts) makeRoom(open int) {
	n := min(open+open/16, maxRoom)
	f.files, f.links = make([]sourceFile, 0, n), make([]byte, 0, n*linkRoom)
}

const (
	maxRoom  = 1 << 21 // the largest number of descriptors for which memory is allocated beforehand
	linkRoom = 24      // typical length of a link in bytes
)

// readFiles reads the descriptors of all processes, and notes which tables no process can have
// changed meanwhile: such a table was read as it was at one point in time.
func (f *facts) readFiles(w *wanted) error {
	f.wanted = w
	if err := f.source.Files(f.add); err != nil {
		return err
	}
	if f.inFlight && w.omitsSockets() {
		w.sockets, w.omitted = true, nil
		f.reset(f.source)
		return f.readFiles(w)
	}
	there, moved := map[int32]bool{}, map[int32]bool{} // processes
	err := f.source.Tasks(bpf.TaskRuns, func(t *bpf.Task) {
		there[int32(t.PID)] = true
		was := f.task(int32(t.TID))
		if was.runCount == 0 || was.runCount != t.Runs || t.State == 'R' || was.ticks != t.StartTicks {
			moved[int32(t.PID)] = true
		}
		if c := f.cgroups[t.CgroupSet]; c != nil && c.pid == int32(t.TID) && c.ticks == t.StartTicks {
			c.known = c.path != ""
		}
	})
	if err != nil {
		return err
	}
	movedTables, owners := map[uint64]bool{}, map[uint64]int32{}
	for tid, t := range f.tables {
		pid := f.task(tid).pid
		if owner, ok := owners[t.table]; !there[pid] || moved[pid] || ok && owner != pid {
			movedTables[t.table] = true
		}
		owners[t.table] = pid
	}
	for tid, t := range f.tables {
		t.stable = !movedTables[t.table]
		f.tables[tid] = t
	}
	f.whole = true
	return nil
}

// add adds a descriptor. The descriptors of one thread come one after the other.
func (f *facts) add(d *bpf.File) {
	tid := int32(d.TID)
	t, ok := f.tables[tid]
	if !ok {
		t = fdTable{from: len(f.files), table: d.Table}
		if d.TID != d.PID {
			f.own[int32(d.PID)] = append(f.own[int32(d.PID)], tid)
		}
	}
	queued := queuedDescriptors(d)
	f.inFlight = f.inFlight || queued > 0 || queued == notReported
	if f.wanted.omitsFile(d) {
		t.to = len(f.files)
		f.tables[tid] = t
		return
	}
	x := sourceFile{
		description: d.Description, ino: d.Ino, dev: proc.Dev(d.DevMajor, d.DevMinor), link: uint32(len(f.links)), linkLength: uint16(len(d.Link)),
		read: d.Read, write: d.Write, fd: d.FD, mode: d.Mode, magic: uint32(d.FSMagic), inFlight: queued,
	}
	f.links = append(f.links, d.Link...)
	f.addPipe(d)
	if _, isEvent := d.Eventfd(); isEvent {
		w, _ := d.Watched()
		f.events = append(f.events, w)
		x.event = int32(len(f.events))
	}
	f.files = append(f.files, x)
	t.to = len(f.files)
	f.tables[tid] = t
}

// queuedDescriptors returns how many descriptors are in the queue of a UNIX socket. Descriptors
// that were sent to a connection which is not accepted yet are counted at a socket that no
// process holds; for a listener with such connections the result is notReported.
func queuedDescriptors(d *bpf.File) int32 {
	s, known := d.Socket()
	switch {
	case !known || s.Family != unixFamily:
		return noQueue
	case s.State == listening && s.Messages > 0:
		return notReported
	}
	return int32(s.InFlight)
}

// Results of [queuedDescriptors] that are not a number of descriptors.
const (
	noQueue     = -1 // not a UNIX socket
	notReported = -2
)

// addPipe adds the state of the pipe behind a descriptor, if it is a pipe.
func (f *facts) addPipe(d *bpf.File) {
	if _, isPipe := d.Pipe(); isPipe {
		w, _ := d.Watched()
		at := inode{proc.Dev(d.DevMajor, d.DevMinor), d.Ino}
		if uint32(d.FSMagic) == pipefsMagic {
			at.dev = 0 // there is only one pipefs
		}
		f.pipesMu.Lock()
		f.pipes[at] = w
		f.pipesMu.Unlock()
	}
}

const (
	unixFamily  = 1          // AF_UNIX
	listening   = 10         // TCP_LISTEN of include/net/tcp_states.h
	pipefsMagic = 0x50495045 // include/uapi/linux/magic.h
)

// of returns the descriptors in a thread's table.
func (f *facts) of(tid int32) (list []sourceFile, known bool) {
	t, ok := f.tables[tid]
	return f.files[t.from:t.to], ok
}

func (f *facts) linkOf(x *sourceFile) []byte { return f.links[x.link:][:x.linkLength] }

// same reports whether p is the process that the source saw, and not a later one with its pid.
func (f *facts) same(p *Proc) bool { return f.task(p.PID()).ticks == p.Model.StartTicks }

// find looks up a descriptor; stable says that no process can have changed it while all
// descriptors were read.
func (f *facts) find(d kcmp.Descriptor) (x *sourceFile, stable bool) {
	t := f.tables[d.Task]
	list := f.files[t.from:t.to]
	i, ok := slices.BinarySearchFunc(list, d.FD, func(x sourceFile, fd int32) int { return cmp.Compare(x.fd, fd) })
	if !ok {
		return nil, false
	}
	return &list[i], t.stable
}
