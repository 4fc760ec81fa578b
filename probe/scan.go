package probe

import (
	"context"
	"log/slog"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/container"
	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/privilege"
	"github.com/ipctop/ipctop/proc"
)

// Options say what a [Scanner] does.
type Options struct {
	// ProcRoot is where the proc file system is mounted; "" means /proc.
	ProcRoot string

	// Probes are the readers to run, in the order in which they may claim
	// descriptors and mappings.
	Probes []Probe

	// Workers is the number of goroutines that read processes; 0 means one a
	// processor.
	Workers int

	// Sample is the pause between the two samples of blocked threads. A wait that
	// holds through both is confirmed; a longer pause confirms only longer ones.
	Sample time.Duration

	// Detail picks the processes and, by their ids, the objects to be read in detail, which
	// costs too much to be done for all. nil: none. It is given the snapshot that [Scanner.Scan]
	// is to return, and must not change it; what is read of them is then filled in.
	Detail func(*model.Snapshot) (pids []int, objects []string)

	// WaitsOnly leaves out what costs much and says nothing about who is stuck on
	// whom: links, limits, how large memory is, mappings if nobody waits at a futex
	// or for a file, pipes at which nobody waits, how full those are to which nobody
	// is writing, and which descriptors share a description, but where they are locked.
	// Of what is left pipes, sockets and event counters are read as far as somebody waits at one.
	WaitsOnly bool

	// About are the processes for whose sake a scan with WaitsOnly is made.
	About []int

	// EachDescriptor has descriptors read with WaitsOnly, too, that nobody seems to wait at: to
	// see that nothing is missing without them.
	EachDescriptor bool

	// Repeated says that the scanner is to scan again and again. Then it keeps what
	// cannot have changed from one scan to the next, and has to be closed.
	Repeated bool

	// Check is how long what is cached of a process is relied on: at the latest then all of
	// it is read again and compared with that. If it is not the same, a gap says so. Of a process
	// of one thread the descriptors are not asked for more than their links if these, and what is
	// mapped, are what they were (Linux 6.2). 0 is half a minute. It is 20 times as long where a source says in each scan that a process
	// has the same descriptors and mappings.
	Check time.Duration

	// ListDirectories has the directories in which UNIX sockets are bound, /run and
	// /tmp listed for socket files that were left behind. Anyone who watches one of
	// them with inotify sees that it was opened, so it is done only when asked for.
	ListDirectories bool

	// Helper is the program that is started to do, as a process of its own, what
	// can get stuck in the kernel beyond the reach of SIGKILL: a program with
	// such a thread cannot end, and anyone who waits for it waits, too. Its main
	// must begin with fdscan.RunHelper. "" does all of it within this process.
	Helper string

	// Source opens what is read besides the proc file system. It may be called in each
	// scan, and the scanner does not close it. nil: the proc file system alone.
	Source func() (Source, error)

	// SourceUse says when.
	SourceUse SourceUse

	// Progress is told how many of the processes have been read, every 50 ms at most and
	// when all have. It must return at once. nil: nobody is.
	Progress func(done, total int)

	// Log is told, at the level of debugging, what each probe did and how long it took,
	// what was given up, and where a probe panicked. nil: nobody is.
	Log *slog.Logger
}

// HelperName is the command name of the process that [Options].Helper is started as.
const HelperName = "ipctop-helper"

// Scanner makes snapshots. It remembers from one to the next what got stuck, so
// that it is skipped.
type Scanner struct {
	opts  Options
	guard *guard.Guard

	handles    *proc.Handles
	containers container.Names

	addresses addresses

	scans  int
	joined *joined
	links  model.LinkMaker

	counters     watchedCounters
	tasks        map[int32]*taskFacts   // of the last scan; nil: the source was not asked
	hiddenStamps map[processKey][]stamp // of the processes of which it is not known what they have

	mu     sync.Mutex
	busy   bool // a scan is under way
	closed bool
	cache  map[int]*processCache // by pid

	watched watchedPipes

	users   userNames
	owners  owners
	sharers sharers

	stuckVisits stuckVisits

	compared map[Key]*comparison // in the last scan
}

// NewScanner returns a Scanner.
func NewScanner(o Options) *Scanner {
	if o.ProcRoot == "" {
		o.ProcRoot = "/proc"
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Check == 0 {
		o.Check = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Scanner{opts: o, guard: guard.New().WithLog(o.Log).WithAccounts(NewAccounts(o.ProcRoot).Of), handles: proc.NewHandles(o.Repeated), cache: map[int]*processCache{}}
}

// Scan is one scan under way: what probes may ask about it.
type Scan struct {
	ProcRoot string
	Own      map[string]uint64 // ipctop's namespaces, by type
	// PIDCalls says whether pids read from the proc file system mean the same
	// processes to system calls. If not, none that takes a pid may be called.
	PIDCalls bool
	BootTime time.Time
	Began    time.Time // before anything was read

	scanner *Scanner
	number  int // counts the scanner's scans
	root    *proc.Dir
	selfPID int // ipctop's pid in the proc file system at hand; 0 if it is not in there
	mounts  *mountTables
	nss     *proc.Namespaces
	members processesByNS

	lockTable lockTable
	queued    queuedSignals

	facts *facts // nil: none from the beginning
	late  struct {
		sync.Once
		facts *facts
	}

	prefetched sync.Once

	whole   bool         // nothing is left out of descriptors
	unclear map[int]bool // … and of those of these processes
	wanted  *wanted      // what is not; nil: nothing is left out

	// With WaitsOnly: whether somebody may wait for who maps something, and whose
	// mappings have not been read.
	mappings  atomic.Bool
	unmapped  []*result
	calls     map[int32][]int
	unreached map[visitKey]bool          // namespaces that nothing led to any more
	threadNS  map[threadNamespace]uint64 // of threads that have others than their process
	tableOf   map[int32]int32            // see [Scan.TableOf]

	mu         sync.Mutex
	results    []*result
	durations  map[string]time.Duration
	read       map[tableKey]bool      // tables read without a gap
	tableSizes map[tableKey]tableSize // in the last scan
	waited     bool                   // some probe has looked for waits
	hidden     bool                   // there are processes that the proc file system does not show
	hiddenRan  bool                   // a process may have run since the last scan of which it is not known what it has
}

// tableKey names a probe's table in one namespace.
type tableKey struct {
	probe     string
	namespace uint64
}

// result is what the read of one process or table gave.
type result struct {
	process *model.Process
	table   tableKey // of a table
	// unreadable: its descriptors could not be read at all
	unreadable bool
	// ownTables: some of its threads have descriptors of their own
	ownTables bool
	// partial: some descriptor of it could not be read, or it could not be
	// told whether it has more of them
	partialFDs, partialMaps bool
	out                     *Collector
	cache                   *processCache // what may be cached of it
	stamps                  []stamp       // if not all is known that it has
	idle                    *idle         // what may be taken over of it while the source says the same of it
	told                    bool          // by a source alone, see [Scan.dropEnded]
	checked                 bool          // all was read again although it has not run
	verified                bool          // … or it has what it had by its links, see [Scan.stillHas]
	unchanged               bool          // it emits what is joined already, and does not do so again
	described               []described   // its descriptors, where a source told of them and nothing is kept of it
}

// Scan makes a snapshot. The error says why there is none at all.
func (sc *Scanner) Scan(ctx context.Context) (*model.Snapshot, error) {
	var missed map[int]bool
	for attempt := 1; ; attempt++ {
		snap, more, err := sc.scan(ctx, sc.opts.EachDescriptor || attempt == maxAttempts, missed)
		if err != nil || more == nil {
			return snap, err
		}
		sc.opts.Log.LogAttrs(ctx, slog.LevelDebug, "threads wait for what was left out: all is read again", slog.Any("processes", more))
		if len(more) > fewMissed {
			attempt = maxAttempts - 1
		}
		if missed == nil {
			missed = map[int]bool{}
		}
		maps.Copy(missed, more)
	}
}

const (
	// maxAttempts bounds how often it is tried to leave out what nobody waits for; the last one
	// leaves out nothing.
	maxAttempts = 3

	// fewMissed is of how many processes something may be missing for another try that leaves
	// something out: where there are more, as much happens that others will.
	fewMissed = 2
)

// scan makes a snapshot. whole leaves nothing out of it, unclear nothing that these processes
// have. If something was left out that belongs into it there is none, and missed are the processes whose it is.
func (sc *Scanner) scan(ctx context.Context, whole bool, unclear map[int]bool) (snap *model.Snapshot, missed map[int]bool, err error) {
	begin := time.Now()
	release, err := privilege.Scanning()
	if err != nil {
		return nil, nil, err
	}
	defer release()
	s, err := sc.begin()
	if err != nil {
		return nil, nil, err
	}
	s.whole, s.unclear = whole, unclear
	defer s.root.Close()
	defer sc.enter()()
	if err := s.walk(ctx); err != nil {
		return nil, nil, err
	}
	s.nameContainers()
	s.tables(ctx)
	if !sc.opts.WaitsOnly {
		s.limits()
	}
	idx := s.join()
	s.keptNamespaces(ctx, idx)
	s.complete(ctx, idx)
	s.waits(ctx, idx)
	if err := ctx.Err(); err != nil {
		sc.hiddenStamps = nil // not everything was asked that hidden processes may have changed
		return nil, nil, err
	}
	if missed := s.missed(); missed != nil {
		return nil, missed, nil
	}
	snap = new(model.Snapshot)
	s.snapshot(idx, snap)
	if s.detail(ctx, idx, snap) {
		s.snapshot(idx, snap)
	}
	idx.joined.settle()
	snap.Taken = begin.UTC()
	snap.Scan.Duration = int64(time.Since(begin))
	s.log(ctx, snap)
	return snap, nil, nil
}

// Close gives up what is cached from one scan to the next, when the scan that may be
// under way has ended.
func (sc *Scanner) Close() {
	sc.mu.Lock()
	sc.closed = true
	busy := sc.busy
	sc.mu.Unlock()
	if !busy {
		sc.release()
	}
}

func (sc *Scanner) release() {
	sc.handles.Drop(func(int) bool { return false })
	sc.mu.Lock()
	clear(sc.cache)
	sc.mu.Unlock()
	sc.compared, sc.joined, sc.tasks = nil, nil, nil
	for i := range sc.opts.Probes {
		if closeProbe := sc.opts.Probes[i].Close; closeProbe != nil {
			closeProbe()
		}
	}
}

// enter begins a scan. leave is to be called at its end.
func (sc *Scanner) enter() (leave func()) {
	sc.mu.Lock()
	sc.busy = true
	sc.mu.Unlock()
	return func() {
		sc.mu.Lock()
		sc.busy = false
		last := sc.closed || !sc.opts.Repeated
		sc.mu.Unlock()
		if last {
			sc.release()
		}
	}
}

// Cached reports whether the last scan took what an earlier one had read of a process.
func (sc *Scanner) Cached(pid int) bool {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	k := sc.cache[pid]
	return k != nil && k.scan < sc.scans
}

// begin opens the proc file system and looks at whose it is.
func (sc *Scanner) begin() (*Scan, error) {
	root, err := proc.OpenDir(sc.opts.ProcRoot)
	if err != nil {
		return nil, err
	}
	sc.users.refresh(userFile)
	sc.scans++
	sc.guard.NewRound()
	s := &Scan{
		number:    sc.scans,
		ProcRoot:  sc.opts.ProcRoot,
		Own:       map[string]uint64{},
		Began:     time.Now(),
		scanner:   sc,
		root:      root,
		mounts:    &mountTables{byNS: map[uint64]*proc.MountTable{}},
		nss:       proc.NewNamespaces(),
		durations: map[string]time.Duration{},
		read:      map[tableKey]bool{},
		calls:     map[int32][]int{},
		threadNS:  map[threadNamespace]uint64{},
		tableOf:   map[int32]int32{},
	}
	for _, t := range proc.NamespaceTypes {
		if n, err := proc.ReadNamespace("/proc/self/ns/" + t); err == nil {
			s.Own[t] = n
		}
	}
	if s.BootTime, err = proc.BootTime(root); err != nil {
		root.Close()
		return nil, err
	}
	s.selfPID, s.PIDCalls = proc.Self(root)
	return s, nil
}

// Sample is [Options].Sample.
func (s *Scan) Sample() time.Duration { return s.scanner.opts.Sample }

// WaitsOnly is [Options].WaitsOnly.
func (s *Scan) WaitsOnly() bool { return s.scanner.opts.WaitsOnly }

// Repeated is [Options].Repeated.
func (s *Scan) Repeated() bool { return s.scanner.opts.Repeated }

// Helper is [Options].Helper.
func (s *Scan) Helper() string { return s.scanner.opts.Helper }

// HasSource reports whether a [Source] tells of descriptors besides the proc file system.
// It can be asked from [Probe].Prefetch on.
func (s *Scan) HasSource() bool { return s.facts != nil }

func (s *Scan) add(r *result) {
	s.mu.Lock()
	s.results = append(s.results, r)
	s.mu.Unlock()
}

func (s *Scan) addDuration(probe string, d time.Duration) {
	s.mu.Lock()
	s.durations[probe] += d
	s.mu.Unlock()
}

func (s *Scan) host() model.Host {
	h := model.Host{Namespaces: s.Own, Addresses: s.scanner.addresses.get(time.Now())}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.Hostname = unix.ByteSliceToString(u.Nodename[:])
		h.Kernel = unix.ByteSliceToString(u.Release[:])
		h.Arch = unix.ByteSliceToString(u.Machine[:])
	}
	if b, err := s.root.ReadFile("sys/kernel/random/boot_id", nil); err == nil && len(b) > 0 {
		h.BootID = string(b[:len(b)-1])
	}
	return h
}
