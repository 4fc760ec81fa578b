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
	// Name is what gaps, reports and options call it; the kind it reads,
	// where it reads one.
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

	// Prefetch is called on a goroutine of its own when most processes have been read,
	// ahead of Table: for what the kernel takes its time to answer.
	Prefetch func(s *Scan)

	// Table reads what the kernel tells about the whole machine or, with
	// Scope, about one namespace; then it is called in each.
	Table func(ctx context.Context, ns NS, out *Collector) error

	// Scope is the type of namespace that Table reads: "net", "ipc" or "".
	Scope string

	// Survey looks, in a namespace of Scope that is not ipctop's own, at something cheaper than
	// its tables. vacant says that it has nothing of any probe; what it tells besides is
	// [NS].About in Table.
	Survey func(ns NS) (about any, vacant bool)

	// Kept finds namespaces of Scope that only objects keep alive, by those that no
	// table lists, and notes the ways into them ([Scan.NoteWay]). read reads the tables
	// of those noted and tells how many these were.
	Kept func(ctx context.Context, idx *Index, read func() int, out *Collector)

	// Limits emits the bounds that the kernel puts on the mechanism, in each of
	// the namespaces in which Table is called, after it. Gaps it emits say
	// nothing about the table.
	Limits func(ns NS, out *Collector)

	// Complete adds what can only be asked when all holders are known.
	Complete func(ctx context.Context, idx *Index, out *Collector)

	// Locked asks those who have a file open for locks that no table lists, when it turns out that
	// somebody waits for such a one; see [Index.AskLocked].
	Locked func(t *guard.Task, idx *Index, e *Entry) (commit func())

	// Waits tells what threads are blocked on, when all objects are complete.
	// It may still add objects ([Index.Add]): those that exist only while
	// someone waits.
	Waits func(ctx context.Context, idx *Index, out *Collector) error

	// Blocked tells what a thread waits for by the number of the system call that it is in,
	// which is looked at before descriptors are read.
	Blocked func(call int) BlockedAt

	// Close gives up what the probe keeps from one scan to the next.
	Close func()

	// Detail reads what is too costly to be read of everything, of those processes, and
	// objects ([Index.Wanted]), that somebody wants to see in detail ([Options].Detail). It may
	// change holders' extents and add objects.
	Detail func(ctx context.Context, idx *Index, list []*model.Process, out *Collector) error
}

// KeySpace gives the numbers of a [Key] their meaning: a file system, or a table
// of the kernel. Spaces are package variables of the readers; two keys are the
// same object only if they are in the same space.
type KeySpace struct {
	Name string

	// New describes the object behind a key of which only holders are known.
	// With nil such a key is no object.
	New func(k Key, s *Scan) model.Object

	// OfInode is by which numbers the file with an inode of a device (of its superblock) is named
	// here, if it may be one of these objects. With nil it is none, or is not locked.
	OfInode func(dev, ino uint64) (scope, num uint64, ok bool)

	// ByMapping says that processes hold such objects by mapping them, so that
	// holders are complete only where mappings could be read, too.
	ByMapping bool

	// Waited says that with [Options].WaitsOnly only those are kept at which somebody
	// waits. The access of their descriptors, which the probe that emits them leaves open
	// then, is asked when that is known.
	Waited bool

	// ByDescription says that the kernel gives these objects no number: two
	// descriptors are the same object if they share an open file description.
	// Probes emit each under its own key ([kcmp.Descriptor.Key]); the scan merges
	// them.
	ByDescription bool

	// Incremental says that an object that is as it was in the last scan, with the same
	// holders none of which has run, comes to the hooks as they left it then
	// ([Index.Unchanged]). They set again what they set, or leave it. Earlier snapshots have
	// the same object, detail and holders: a hook that changes these changes a copy
	// ([Entry.OwnObject], [Entry.OwnHolders]). No hook changes the kind.
	Incremental bool
}

// Key names an object during a scan. Scope is what makes Num unique within the
// space: a device number or a namespace, 0 where there is but one.
type Key struct {
	Space *KeySpace
	Scope uint64
	Num   uint64
}

// NS is the namespace in which a table is read.
type NS struct {
	Type  string
	Inode uint64 // 0: the table does not belong to a namespace
	Own   bool   // ipctop's own
	Scan  *Scan
	About any // what [Probe].Survey told of it
}

// ID makes the id of an object of this namespace.
func (ns NS) ID(kind model.Kind, num uint64) string {
	id := string(kind) + ":" + strconv.FormatUint(num, 10)
	if ns.Own || ns.Inode == 0 {
		return id
	}
	return id + "@" + strconv.FormatUint(ns.Inode, 10)
}

// Model is the namespace as objects carry it.
func (ns NS) Model() *model.Namespace {
	if ns.Inode == 0 {
		return nil
	}
	return &model.Namespace{Type: ns.Type, Inode: ns.Inode}
}

// LimitScope is the namespace as a limit carries it.
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
	// unknownHolders: some process holds objects of which it cannot be told which
	// they are
	unknownHolders bool

	// Of a table:
	before tableSize // what it had in the last scan
	stamp  Stamp     // of what it has now
	same   bool      // it has the same, and none of it is emitted
}

type objectRecord struct {
	key    Key
	entry  *Entry // of that key, once it is joined
	object *model.Object
}

type holderRecord struct {
	key    Key
	entry  *Entry // of that key, once it is joined
	holder model.Holder
	cached bool // it is not emitted again until its process has run
}

type peerRecord struct {
	from, to   Key
	confidence model.Confidence
}

// Object emits what is known of the object behind k. Of several records for one
// key the first counts, a table's before any that a process's read gave. It may be emitted
// again in later scans under this key, but must not be changed.
func (o *Collector) Object(k Key, object *model.Object) {
	o.objects = append(o.objects, objectRecord{key: k, object: object})
}

// AddHolder emits that a process holds the object behind k.
func (o *Collector) AddHolder(k Key, h model.Holder) {
	o.holders = append(o.holders, holderRecord{key: k, holder: h})
}

// Peer emits that the object behind to is at the other end of from. Both
// directions are emitted, each by the probe that knows it, by a Table hook or in
// Complete.
func (o *Collector) Peer(from, to Key, c model.Confidence) {
	o.peers = append(o.peers, peerRecord{from: from, to: to, confidence: c})
}

// Expect makes room for so many objects and peers more.
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

// Limit emits a bound the kernel puts on the mechanism. Of several of one name
// and scope the snapshot keeps the one that is nearest to being reached: each
// process has its own bound on what all processes of its user share.
func (o *Collector) Limit(l model.Limit) { o.limits = append(o.limits, l) }

// Wait emits that a thread is blocked. Only a Waits hook may.
func (o *Collector) Wait(w model.Wait) { o.waits = append(o.waits, w) }

// ExpectWaits makes room for n waits.
func (o *Collector) ExpectWaits(n int) { o.waits = slices.Grow(o.waits, n) }

// UnknownHolders says that somebody holds objects of which it cannot be told which
// they are: no object's holders are complete then.
func (o *Collector) UnknownHolders() { o.unknownHolders = true }

// Backend notes which kernel interface was used for what.
func (o *Collector) Backend(what, how string) {
	if o.backends == nil {
		o.backends = map[string]string{}
	}
	o.backends[what] = how
}
