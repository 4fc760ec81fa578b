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

// Options are the settings of a [Scanner].
type Options struct {
	// ProcRoot is where the proc file system is mounted; "" means /proc.
	ProcRoot string

	// Probes are the readers to run, in the order in which they may claim
	// descriptors and mappings.
	Probes []Probe

	// Workers is the number of goroutines that read processes; 0 means one per
	// processor.
	Workers int

	// Sample is the pause between the two samples of blocked threads. A wait that is the
	// same in both is confirmed; a longer pause confirms only longer waits.
	Sample time.Duration

	// Detail chooses the processes and, by their ids, the objects to read in detail, which
	// is too expensive to do for all. nil: none. It gets the snapshot that [Scanner.Scan]
	// will return, and must not change it; the details are then filled in.
	Detail func(*model.Snapshot) (pids []int, objects []string)

	// WaitsOnly leaves out what is expensive and says nothing about who is stuck on
	// whom: links, limits, sizes of memory, mappings if no thread waits at a futex
	// or for a file, pipes at which no thread waits, the fill level of pipes to which no
	// thread is writing, and which descriptors share a description, except where they are
	// locked. Pipes, sockets and event counters are read only as far as a thread waits at one.
	WaitsOnly bool

	// About lists the processes that the user asked about in a scan with WaitsOnly.
	About []int

	// EachDescriptor makes a scan with WaitsOnly read also the descriptors at which no thread
	// seems to wait, to check that nothing is missing without them.
	EachDescriptor bool

	// Repeated says that the scanner will make several scans. It then caches what
	// cannot have changed since the last scan, and must be closed.
	Repeated bool

	// Check is the maximum time for which cached facts of a process are trusted. After it, at
	// the latest, all of them are read again and compared; if they differ, a gap says so. For a
	// process with one thread only the links of the descriptors are read, as long as the links
	// and the mappings are the same (Linux 6.2). 0 means half a minute. The time is 20 times as
	// long where a source says in each scan that the process has the same descriptors and mappings.
	Check time.Duration

	// ListDirectories makes the scan list the directories in which UNIX sockets are bound, /run
	// and /tmp, to find socket files that were left behind. A process that watches one of these
	// directories with inotify sees that it was opened, so this is done only if asked for.
	ListDirectories bool

	// Helper is the program to start as a separate process for operations that can get
	// stuck in the kernel where SIGKILL does not end them: a program with such a thread
	// cannot exit, and its parent waits with it. Its main must begin with
	// fdscan.RunHelper. "": these operations run in this process.
	Helper string

	// Source opens the source to read besides the proc file system. It may be called in each
	// scan, and the scanner does not close the source. nil: only the proc file system is read.
	Source func() (Source, error)

	// SourceUse says when Source is used.
	SourceUse SourceUse

	// Progress is called with the number of processes that have been read, every 50 ms at most
	// and when all have been. It must return at once. May be nil.
	Progress func(done, total int)

	// Log gets, at debug level, what each probe did and how long it took, what was given
	// up, and where a probe panicked. May be nil.
	Log *slog.Logger
}

// HelperName is the command name of the process that [Options].Helper is started as.
const HelperName = "ipctop-helper"

// Scanner makes snapshots. It remembers which operations got stuck, and skips them in
// later scans.
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
	hiddenStamps map[processKey][]stamp // of the processes whose descriptors or mappings are not all known

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

// Scan is a running scan: what probes may ask about it.
type Scan struct {
	ProcRoot string
	Own      map[string]uint64 // ipctop's namespaces, by type
	// PIDCalls says whether the pids in the proc file system mean the same processes in
	// system calls. If not, no system call that takes a pid may be used.
	PIDCalls bool
	BootTime time.Time
	Began    time.Time // before anything was read

	scanner *Scanner
	number  int // counts the scanner's scans
	root    *proc.Dir
	selfPID int // ipctop's pid in this proc file system; 0 if it is not in it
	mounts  *mountTables
	nss     *proc.Namespaces
	members processesByNS

	lockTable lockTable
	queued    queuedSignals

	facts *facts // nil: the scan began without a source
	late  struct {
		sync.Once
		facts *facts
	}

	prefetched sync.Once

	whole   bool         // no descriptors are left out
	unclear map[int]bool // no descriptors of these processes are left out
	wanted  *wanted      // what descriptors must lead to in order to be read; nil: nothing is left out

	// With WaitsOnly: whether a thread may wait for a process that maps something, and the
	// processes whose mappings have not been read.
	mappings  atomic.Bool
	unmapped  []*result
	calls     map[int32][]int
	unreached map[visitKey]bool          // namespaces to which no path leads any more
	threadNS  map[threadNamespace]uint64 // of threads in other namespaces than their process
	tableOf   map[int32]int32            // see [Scan.TableOf]

	mu         sync.Mutex
	results    []*result
	durations  map[string]time.Duration
	read       map[tableKey]bool      // tables read without a gap
	tableSizes map[tableKey]tableSize // in the last scan
	waited     bool                   // some probe has looked for waits
	hidden     bool                   // there are processes that the proc file system does not show
	hiddenRan  bool                   // a process whose descriptors or mappings are not all known may have run since the last scan
}

// tableKey names a probe's table in one namespace.
type tableKey struct {
	probe     string
	namespace uint64
}

// result is what was read from one process or table.
type result struct {
	process *model.Process
	table   tableKey // of a table
	// unreadable: its descriptors could not be read at all
	unreadable bool
	// ownTables: some of its threads have descriptors of their own
	ownTables bool
	// partial: some of its descriptors or mappings could not be read, or there may be
	// more of them
	partialFDs, partialMaps bool
	out                     *Collector
	cache                   *processCache // what may be cached of it
	stamps                  []stamp       // if its descriptors or mappings are not all known
	idle                    *idle         // what the next scan may reuse while the source tells the same about it
	fromSource              bool          // read only from a source, see [Scan.dropEnded]
	checked                 bool          // all was read again although it has not run
	verified                bool          // … or its links show that it has the same, see [Scan.fingerprintUnchanged]
	unchanged               bool          // its holders and objects are joined already, so out does not contain them
	described               []described   // its descriptors, if a source told of them and nothing is cached
}

// Scan makes a snapshot. It returns an error only if there is no snapshot at all.
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
	// maxAttempts bounds the number of scans for one snapshot with WaitsOnly; the last one
	// leaves nothing out.
	maxAttempts = 3

	// fewMissed is the largest number of processes with missed descriptors for which another
	// attempt leaves something out. With more of them, so much is going on that it would miss
	// others.
	fewMissed = 2
)

// scan makes a snapshot. If whole, nothing is left out; nothing of the processes in unclear is
// left out either. If something was left out that a thread waits for, there is no snapshot, and
// missed has the processes of these threads.
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
		sc.hiddenStamps = nil // not every object that hidden processes may have changed was queried
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
	idx.joined.useLastRecords()
	snap.Taken = begin.UTC()
	snap.Scan.Duration = int64(time.Since(begin))
	s.log(ctx, snap)
	return snap, nil, nil
}

// Close releases the cache. If a scan is running, this happens when the scan ends.
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

// enter begins a scan. The caller must call leave at its end.
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

// Cached reports whether the last scan reused what an earlier one had read of a process.
func (sc *Scanner) Cached(pid int) bool {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	k := sc.cache[pid]
	return k != nil && k.scan < sc.scans
}

// begin opens the proc file system and finds ipctop in it.
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

// HasSource reports whether the scan uses a [Source] besides the proc file system. The result
// is valid from [Probe].Prefetch on.
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
