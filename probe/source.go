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

// A scan takes what it reads of processes from a source. The proc file system is always
// there, and has all; eBPF has threads and descriptors, of the whole machine at once, and
// also those that the proc file system refuses. Readers do not know which it was.

// Source is what tells of threads and descriptors besides the proc file system;
// [bpf.Source] is one. Its methods may be called at the same time.
type Source interface {
	// Tasks calls f for every thread, Files for every descriptor, and FilesOf for those of
	// one process. What f is given is valid until it returns.
	Tasks(parts bpf.TaskParts, f func(*bpf.Task)) error
	Files(f func(*bpf.File)) error
	FilesOf(pid int, f func(*bpf.File)) error

	// Mappings calls f for every shared mapping of a process, and told after the last one: all is
	// false where they are not all of its mappings.
	Mappings(f func(*bpf.Mapping), told func(pid, tid int, all bool)) error

	// Contents calls f with what stands for all that a process has, for every process.
	Contents(f func(bpf.Content)) error

	// Changed calls f for each pipe or event counter of a list that is not as it is in there,
	// with its place in the list. Somebody who has it open has not run since it was read.
	Changed(list []bpf.Watched, f func(i int, now bpf.Watched)) error

	// SocketSum stands for what a table of sockets has, of the network namespace of the calling thread.
	SocketSum(table bpf.SocketTable) (bpf.SocketSum, error)

	// Owns reports whether a descriptor of ipctop's own is there for the source alone.
	Owns(fd int) bool
}

// SourceUse says when a scan takes a [Source] besides the proc file system.
type SourceUse int

const (
	// SourceWhereWorth: where it saves more than it costs to open, or knows what the proc
	// file system refuses.
	SourceWhereWorth SourceUse = iota
	// SourceAlways: in each scan.
	SourceAlways
)

// manyFiles is how many open files make a source worth opening for one scan: by then the
// proc file system takes as long.
const manyFiles = 5000

// facts are what a source told at the beginning of a scan.
type facts struct {
	source Source
	once   bool         // there is no scan after this one, for which anything is to be kept
	whole  bool         // all descriptors were read
	mapped *mappedFacts // nil: mappings were not read
	tasks  map[int32]*taskFacts
	tables map[int32]fdTable // by the thread whose descriptors they are
	own    map[int32][]int32 // by process: its threads that have tables, the main one not
	files  []seenFile
	links  []byte
	events []bpf.Watched

	cgroups    map[uint64]*cgroupFacts // by what all threads in the same control groups have
	namespaces sharedNamespaces

	wanted   *wanted // what is taken of the descriptors of all; nil: all of them
	inFlight bool    // the queue of some UNIX socket has descriptors in it

	pipesMu sync.Mutex
	pipes   map[inode]bpf.Watched // also of processes that were read alone
}

// inode names a file by device and number.
type inode struct{ dev, num uint64 }

// taskFacts are what is known of a thread. They are those of the last scan as long as the
// source says the same of it.
type taskFacts struct {
	tid    int32
	pid    int32
	ticks  uint64
	runs   string // as a [stamp] has it
	record string // all that the source says

	runCount uint64 // runs as a number; 0 where the kernel does not count
	uid      uint32 // real user
	lives    bool   // its process was there when all had been read

	namespaces bpf.TaskNamespaces

	content bpf.Content // of a process, if this is its main thread
}

// heldBy is the number of what a process has now, 0 where that is not known.
func (f *facts) heldBy(pid int) uint64 {
	if f == nil || f.tasks[int32(pid)] == nil {
		return 0
	}
	return f.tasks[int32(pid)].content.Held
}

// task is what is known of a thread.
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
	still    bool // nobody who has the table ran while it was read
}

// seenFile is a descriptor. It has no pointers: there are as many as files are open.
type seenFile struct {
	description, ino, dev uint64
	link                  uint32 // where it begins in facts.links
	linkLength            uint16
	read, write           bool
	fd                    int32
	mode, magic           uint32
	inFlight              int32 // see [queuedDescriptors]
	event                 int32 // place in facts.events, from 1; 0: it is none
}

// newFacts opens the source for the scan; nil if there is none.
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

// worthSource reports whether a source pays before anything is known of the machine.
func (s *Scan) worthSource() bool {
	o := &s.scanner.opts
	if o.Repeated || o.SourceUse == SourceAlways {
		return true
	}
	return OpenFiles(s.ProcRoot) >= manyFiles
}

// OpenFiles is how many open file descriptions the machine has, 0 if that is not known.
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

// readFacts reads what the source knows of all processes. It comes after the list of
// processes was read, so that each of them is in there if it still is the same.
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
	if s.scanner.opts.Probes == nil || !s.staleMost(pids) {
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

// staleMost reports whether so many processes have run since they were cached that the
// descriptors of all are sooner read than those of each.
func (s *Scan) staleMost(pids []int) bool {
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

// contents is what stands for what each process has, for who scans again.
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

// readTasks reads what the source says of all threads. last is what it said before.
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

// runsText is how often a thread had run, "" where the kernel does not count.
func runsText(t *bpf.Task) string {
	if t.Runs == 0 {
		return ""
	}
	return strconv.FormatUint(t.Runs, 10)
}

// makeRoom makes room for the descriptors of some open files. Where many have more than one,
// it grows.
func (f *facts) makeRoom(open int) {
	n := min(open+open/16, mostRoom)
	f.files, f.links = make([]seenFile, 0, n), make([]byte, 0, n*linkRoom)
}

const (
	mostRoom = 1 << 21 // descriptors for which room is made beforehand
	linkRoom = 24      // bytes of a link as a rule
)

// readFiles reads the descriptors of all, and notes whose tables nobody can have changed
// meanwhile: what is in these was so at one time.
func (f *facts) readFiles(w *wanted) error {
	f.wanted = w
	if err := f.source.Files(f.add); err != nil {
		return err
	}
	if f.inFlight && w.leavesSockets() {
		w.sockets, w.left = true, nil
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
		t.still = !movedTables[t.table]
		f.tables[tid] = t
	}
	f.whole = true
	return nil
}

// add takes in a descriptor. Those of one thread come one after the other.
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
	f.inFlight = f.inFlight || queued > 0 || queued == untold
	if f.wanted.leavesFile(d) {
		t.to = len(f.files)
		f.tables[tid] = t
		return
	}
	x := seenFile{
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

// queuedDescriptors is how many descriptors are in the queue of a UNIX socket. Those that were sent
// to who waits to be accepted are counted at a socket that nobody has yet: then it is untold.
func queuedDescriptors(d *bpf.File) int32 {
	s, known := d.Socket()
	switch {
	case !known || s.Family != unixFamily:
		return noQueue
	case s.State == listening && s.Messages > 0:
		return untold
	}
	return int32(s.InFlight)
}

// What [queuedDescriptors] says in place of a number.
const (
	noQueue = -1 // it is no UNIX socket
	untold  = -2
)

// addPipe takes in the state of the pipe that a descriptor may be.
func (f *facts) addPipe(d *bpf.File) {
	if _, isPipe := d.Pipe(); isPipe {
		w, _ := d.Watched()
		at := inode{proc.Dev(d.DevMajor, d.DevMinor), d.Ino}
		if uint32(d.FSMagic) == pipefsMagic {
			at.dev = 0 // there is one of it
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

// of are the descriptors of a thread's table.
func (f *facts) of(tid int32) (list []seenFile, known bool) {
	t, ok := f.tables[tid]
	return f.files[t.from:t.to], ok
}

func (f *facts) linkOf(x *seenFile) []byte { return f.links[x.link:][:x.linkLength] }

// same reports whether the process that was read is the one that the source saw.
func (f *facts) same(p *Proc) bool { return f.task(p.PID()).ticks == p.Model.StartTicks }

// find looks a descriptor up; still says that nobody can have changed it while all were read.
func (f *facts) find(d kcmp.Descriptor) (x *seenFile, still bool) {
	t := f.tables[d.Task]
	list := f.files[t.from:t.to]
	i, ok := slices.BinarySearchFunc(list, d.FD, func(x seenFile, fd int32) int { return cmp.Compare(x.fd, fd) })
	if !ok {
		return nil, false
	}
	return &list[i], t.still
}
