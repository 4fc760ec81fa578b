package probe

import (
	"context"
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// Probe reads one mechanism. Every hook may be nil. The hooks of one probe may
// run at the same time on several goroutines; they keep what they learn in the
// [Collector] they are given.
type Probe struct {
	// Name identifies the probe in gaps, reports and options. A probe that reads
	// one kind is named after it.
	Name string

	// Process is called once for each process, with its directory open.
	Process func(p *Proc, out *Collector)

	// Thread is called for each thread of a process that has several, the
	// main thread included. status is the content of its status file.
	Thread func(p *Proc, t *model.Thread, status []byte)

	// FD is called for each open descriptor until one probe claims it by
	// returning true.
	FD func(fd *FD, out *Collector) bool

	// Mapping is called for each shared mapping until one probe claims it.
	Mapping func(m *Mapping, out *Collector) bool

	// Prefetch is called before Table, on its own goroutine, when most processes have
	// been read. It is for requests that the kernel answers slowly.
	Prefetch func(s *Scan)

	// Table reads what the kernel tells about the whole machine. With Scope, the
	// table belongs to a namespace, and Table is called in each of them.
	Table func(ctx context.Context, ns NS, out *Collector) error

	// Scope is the type of namespace that Table reads: "net", "ipc" or "".
	Scope string

	// Precheck checks, in a namespace of Scope other than ipctop's own, something that is cheaper
	// to read than the tables. vacant says that no probe has objects there; about reaches Table
	// as [NS].PrecheckResult.
	Precheck func(ns NS) (result any, vacant bool)

	// FindUnlisted finds namespaces of Scope that only their objects keep alive. It looks for
	// objects that no table lists, and notes the way into their namespaces
	// ([Scan.NoteWay]). read reads the tables of the noted namespaces and returns how
	// many there were.
	FindUnlisted func(ctx context.Context, idx *Index, read func() int, out *Collector)

	// Limits emits the bounds that the kernel puts on the mechanism, in each of
	// the namespaces in which Table is called, after it. Gaps it emits say
	// nothing about the table.
	Limits func(ns NS, out *Collector)

	// Complete adds what can only be asked when all holders are known.
	Complete func(ctx context.Context, idx *Index, out *Collector)

	// Locked asks the processes that have a file open for locks that no table lists. It is called
	// when a thread turns out to wait for such a lock; see [Index.AskLocked].
	Locked func(t *guard.Task, idx *Index, e *Entry) (commit func())

	// Waits tells what threads are blocked on, when all objects are complete.
	// It may still add objects ([Index.Add]): those that exist only while
	// someone waits.
	Waits func(ctx context.Context, idx *Index, out *Collector) error

	// Blocked tells from the number of a system call what a thread waits for that is
	// blocked in it. It is used before descriptors are read.
	Blocked func(call int) BlockedAt

	// Close releases what the probe keeps between scans.
	Close func()

	// Detail reads what is too costly to read for every object. It reads it for the processes
	// and objects ([Index.Wanted]) that the user wants to see in detail ([Options].Detail). It
	// may change holders' extents and add objects.
	Detail func(ctx context.Context, idx *Index, list []*model.Process, out *Collector) error
}

// KeySpace gives the numbers of a [Key] their meaning: a file system, or a table
// of the kernel. Spaces are package variables of the readers; two keys are the
// same object only if they are in the same space.
type KeySpace struct {
	Name string

	// New makes the object for a key of which only holders are known. If New is
	// nil, such a key is not an object.
	New func(k Key, s *Scan) model.Object

	// OfInode returns the key numbers in this space of the file with this inode on this device
	// (the device of its superblock). ok is false if the file is no object of this space. OfInode
	// is nil where objects have no inode or are never locked.
	OfInode func(dev, ino uint64) (scope, num uint64, ok bool)

	// ByMapping says that processes hold these objects by mapping them. Their list
	// of holders is complete only where mappings could be read, too.
	ByMapping bool

	// OnlyWaited says that [Options].WaitsOnly keeps only those objects at which some thread
	// waits. The probe then emits descriptors with their access left open; the scan asks
	// for it once it knows which objects it keeps.
	OnlyWaited bool

	// ByDescription says that the kernel gives these objects no number: two
	// descriptors are the same object if they share an open file description.
	// Probes emit each descriptor under its own key ([DescriptorKey]); the scan
	// merges them.
	ByDescription bool

	// Incremental says that an object that has not changed since the last scan, and has the
	// same holders of which none has run, is passed to the hooks as they left it then
	// ([Index.Unchanged]). The hooks set the same fields again, or leave them. Earlier
	// snapshots share the object, its detail and its holders: a hook that changes these
	// changes a copy ([Entry.OwnObject], [Entry.OwnHolders]). No hook changes the kind.
	Incremental bool
}

// Key names an object during a scan. Scope makes Num unique within the space: a
// device number or a namespace, or 0 if the space has only one scope.
type Key struct {
	Space *KeySpace
	Scope uint64
	Num   uint64
}

// NS is the namespace in which a table is read.
type NS struct {
	Type           string
	Inode          uint64 // 0: the table does not belong to a namespace
	Own            bool   // ipctop's own
	Scan           *Scan
	PrecheckResult any // the result of [Probe].Precheck
}

// ID makes the id of an object of this namespace.
func (ns NS) ID(kind model.Kind, num uint64) string {
	id := string(kind) + ":" + strconv.FormatUint(num, 10)
	if ns.Own || ns.Inode == 0 {
		return id
	}
	return id + "@" + strconv.FormatUint(ns.Inode, 10)
}

// Model returns the namespace in the form that objects carry.
func (ns NS) Model() *model.Namespace {
	if ns.Inode == 0 {
		return nil
	}
	return &model.Namespace{Type: ns.Type, Inode: ns.Inode}
}

// LimitScope returns the namespace in the form that limits carry.
func (ns NS) LimitScope() *model.LimitScope {
	if ns.Inode == 0 {
		return nil
	}
	return &model.LimitScope{NS: ns.Inode}
}

// Collector takes what a probe finds.
type Collector struct {
	probe    string
	objects  []objectRecord
	holders  []holderRecord
	peers    []peerRecord
	gaps     []model.Gap
	limits   []model.Limit
	waits    []model.Wait
	backends map[string]string
	// unknownHolders: some process holds objects that cannot be identified
	unknownHolders bool

	// Of a table:
	before tableSize // as it was in the last scan
	stamp  Stamp     // of the table as it is now
	kept   bool      // the table has not changed, so nothing of it is emitted
}

type objectRecord struct {
	key    Key
	entry  *Entry // the entry of key, set by the join
	object *model.Object
}

type holderRecord struct {
	key    Key
	entry  *Entry // the entry of key, set by the join
	holder model.Holder
	cached bool // not emitted again until its process has run
}

type peerRecord struct {
	from, to   Key
	confidence model.Confidence
}

// Object emits what is known of the object behind k. If there are several records for one
// key, the first counts; a record from a table comes before any that was read from a
// process. The same record may be emitted under this key again in later scans, so it must
// not be changed.
func (o *Collector) Object(k Key, object *model.Object) {
	o.objects = append(o.objects, objectRecord{key: k, object: object})
}

// AddHolder emits that a process holds the object behind k.
func (o *Collector) AddHolder(k Key, h model.Holder) {
	o.holders = append(o.holders, holderRecord{key: k, holder: h})
}

// Peer emits that to is the object at the other end of from. Each direction is
// emitted on its own, by the probe that knows it, in a Table hook or in
// Complete.
func (o *Collector) Peer(from, to Key, c model.Confidence) {
	o.peers = append(o.peers, peerRecord{from: from, to: to, confidence: c})
}

// Expect makes room for this many more objects and peers.
func (o *Collector) Expect(objects, peers int) {
	o.objects, o.peers = slices.Grow(o.objects, objects), slices.Grow(o.peers, peers)
}

// Gap emits that something could not be read. Probe and Count may be left out.
func (o *Collector) Gap(g model.Gap) {
	if g.Probe == "" {
		g.Probe = o.probe
	}
	if g.Count == 0 {
		g.Count = 1
	}
	o.gaps = append(o.gaps, g)
}

// Fail emits a gap for err.
func (o *Collector) Fail(op, path string, err error) {
	o.Gap(model.Gap{Reason: proc.ReasonOf(err), Op: op, Path: path, Detail: err.Error()})
}

// Limit emits a bound that the kernel puts on the mechanism. If several limits
// have the same name and scope, the snapshot keeps the one nearest to being
// reached: each process has its own bound on what all processes of its user
// share.
func (o *Collector) Limit(l model.Limit) { o.limits = append(o.limits, l) }

// Wait emits that a thread is blocked. Only a Waits hook may.
func (o *Collector) Wait(w model.Wait) { o.waits = append(o.waits, w) }

// ExpectWaits makes room for n waits.
func (o *Collector) ExpectWaits(n int) { o.waits = slices.Grow(o.waits, n) }

// UnknownHolders says that some process holds objects that cannot be identified.
// Then no object's list of holders is complete.
func (o *Collector) UnknownHolders() { o.unknownHolders = true }

// Backend notes which kernel interface was used for what.
func (o *Collector) Backend(what, how string) {
	if o.backends == nil {
		o.backends = map[string]string{}
	}
	o.backends[what] = how
}
