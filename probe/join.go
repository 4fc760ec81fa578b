package probe

import (
	"cmp"
	"context"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/guard"
	"github.com/ipctop/ipctop/model"
)

// Index is what was found, object by object.
type Index struct {
	Scan      *Scan
	Processes map[int32]*model.Process

	objects   map[Key]*Entry
	spaces    map[*KeySpace][]*Entry // objects by space, those that are gone included
	unclaimed map[Key]*Entry
	merged    map[Key]*Entry  // keys of objects that turned out to be another
	since     map[int32]int   // the scan that read what is still known of a process
	wanted    map[string]bool // see [Index.Wanted]
	inFlight  bool            // some socket has descriptors in its queue
	hidden    bool            // there are processes whose descriptors were not all read
	unmapped  bool            // … or whose mappings
}

// Entry is an object with its holders and peers.
type Entry struct {
	Key     Key
	Object  *model.Object // nil: only holders are known
	Holders []model.Holder

	// Complete is for probes that know it better than the scan, which can only
	// tell whether it read every process: the kernel may count an object's
	// holders itself, or keep no record of them at all.
	Complete model.Opt[bool]

	gone        bool // it is another's name, or was dropped
	holderCount int  // how many were emitted
	peers       []peerRecord
}

// Adopt gives e further holders: those of a key that turned out to be another
// name of the same object.
func (e *Entry) Adopt(h ...model.Holder) {
	e.Holders = append(e.Holders, h...)
	sortHolders(e.Holders)
}

// HoldersComplete reports whether there can be no holder of e that is not listed.
func (idx *Index) HoldersComplete(e *Entry) bool {
	if complete, ok := e.Complete.Get(); ok {
		return complete
	}
	if idx.inFlight && e.lacksEnd() {
		return false
	}
	return !idx.hidden && (!e.Key.Space.ByMapping || !idx.unmapped)
}

// Since is the number of the scan from which on no thread of a process has run;
// that of the scan at hand where it is not known of an earlier one. See
// [Index.Number].
func (idx *Index) Since(pid int32) int {
	if n, ok := idx.since[pid]; ok {
		return n
	}
	return idx.Scan.number
}

// Number counts the scans of a scanner, for who keeps something from one to the
// next.
func (idx *Index) Number() int { return idx.Scan.number }

// Lookup returns the object behind k.
func (idx *Index) Lookup(k Key) (*Entry, bool) {
	e, ok := idx.objects[k]
	if !ok {
		e, ok = idx.merged[k]
	}
	return e, ok
}

// In lists the objects of a space, in no particular order.
func (idx *Index) In(space *KeySpace) []*Entry {
	var list []*Entry
	for _, e := range idx.spaces[space] {
		if !e.gone {
			list = append(list, e)
		}
	}
	return list
}

// Unclaimed lists the keys of a space that are held but that no probe described.
func (idx *Index) Unclaimed(space *KeySpace) []*Entry {
	var list []*Entry
	for k, e := range idx.unclaimed {
		if k.Space == space {
			list = append(list, e)
		}
	}
	return list
}

// Describe makes an unclaimed key an object.
func (idx *Index) Describe(e *Entry, object *model.Object) {
	e.Object = object
	delete(idx.unclaimed, e.Key)
	idx.put(e)
}

func (idx *Index) put(e *Entry) {
	idx.objects[e.Key] = e
	idx.spaces[e.Key.Space] = append(idx.spaces[e.Key.Space], e)
}

// All lists all objects, in no particular order.
func (idx *Index) All() iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for _, list := range idx.spaces {
			for _, e := range list {
				if !e.gone && !yield(e) {
					return
				}
			}
		}
	}
}

// Peers calls f for each object at the other end of e.
func (idx *Index) Peers(e *Entry, f func(peer *Entry, c model.Confidence)) {
	for _, p := range e.peers {
		if to, ok := idx.objects[p.to]; ok {
			f(to, p.confidence)
		}
	}
}

// Add makes an object of a key that nobody has emitted before, when the join is
// done already. An object that is there is returned as it is.
func (idx *Index) Add(k Key, object *model.Object, holders ...model.Holder) *Entry {
	if e, ok := idx.objects[k]; ok {
		return e
	}
	e := &Entry{Key: k, Object: object}
	e.Adopt(holders...)
	idx.put(e)
	return e
}

// join brings together all that was emitted under one key.
func (s *Scan) join() *Index {
	results := s.allResults()
	// What a table tells of an object counts before what a descriptor does.
	slices.SortStableFunc(results, func(a, b *result) int {
		switch fromTable, other := a.process == nil, b.process == nil; {
		case fromTable == other:
			return 0
		case fromTable:
			return -1
		}
		return 1
	})
	objects, holds, processes := 0, 0, 0
	for _, r := range results {
		objects += len(r.out.objects)
		holds += len(r.out.holders)
		if r.process != nil {
			processes++
		}
	}
	idx := &Index{
		Scan:      s,
		Processes: make(map[int32]*model.Process, processes),
		objects:   make(map[Key]*Entry, max(objects+holds/4, s.scanner.entries)),
		spaces:    map[*KeySpace][]*Entry{},
		since:     map[int32]int{},
		unclaimed: map[Key]*Entry{},
		hidden:    s.hidden,
		unmapped:  s.hidden,
	}
	var joints []Entry // made many at a time
	at := func(k Key) *Entry {
		e := idx.objects[k]
		if e == nil {
			if len(joints) == 0 {
				joints = make([]Entry, 512)
			}
			e, joints = &joints[0], joints[1:]
			e.Key = k
			idx.objects[k] = e
		}
		return e
	}
	for _, r := range results {
		if r.process != nil {
			idx.Processes[int32(r.process.PID)] = r.process
			if r.cache != nil {
				idx.since[int32(r.process.PID)] = r.cache.scan
			}
		}
		idx.hidden = idx.hidden || r.partialFDs || r.out.unknownHolders
		idx.unmapped = idx.unmapped || r.partialMaps
		for i := range r.out.objects {
			if e := at(r.out.objects[i].key); e.Object == nil {
				e.Object = r.out.objects[i].object
			}
		}
		for i := range r.out.holders {
			h := &r.out.holders[i]
			h.entry = at(h.key)
			h.entry.holderCount++
		}
	}
	// All holders lie in one slab; each object has its part of it.
	slab := make([]model.Holder, 0, holds)
	for _, e := range idx.objects {
		n := len(slab) + e.holderCount
		e.Holders = slab[len(slab):len(slab):n]
		slab = slab[:n]
	}
	for _, r := range results {
		for i := range r.out.holders {
			h := &r.out.holders[i]
			h.entry.Holders = append(h.entry.Holders, h.holder)
		}
		idx.connect(r.out)
		r.out.holders, r.out.objects = nil, nil // joined: their memory is wanted back
	}
	s.scanner.entries = len(idx.objects)
	idx.buildObjects()
	for _, e := range idx.objects {
		sortHolders(e.Holders)
	}
	for _, e := range idx.unclaimed {
		sortHolders(e.Holders)
	}
	return idx
}

// connect gives the objects the peers that a probe emitted.
func (idx *Index) connect(out *Collector) {
	for _, p := range out.peers {
		if e, ok := idx.objects[p.from]; ok {
			e.peers = append(e.peers, p)
		}
	}
	out.peers = nil
}

// OfKind lists the objects of a kind, in no particular order.
func (idx *Index) OfKind(kind model.Kind) []*Entry {
	var list []*Entry
	for e := range idx.All() {
		if e.Object != nil && e.Object.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

// Reads reports whether a probe of this name takes part in the scan. If not,
// that there is no object of its kind says nothing.
func (idx *Index) Reads(probe string) bool {
	return slices.ContainsFunc(idx.Scan.scanner.opts.Probes, func(p Probe) bool { return p.Name == probe })
}

// Hidden reports whether there may be holders that the scan could not see.
func (idx *Index) Hidden() bool { return idx.hidden }

// Limits lists the limits of a name that were emitted so far, for who has to say
// how much of them is used.
func (idx *Index) Limits(name string) []*model.Limit {
	idx.Scan.mu.Lock()
	defer idx.Scan.mu.Unlock()
	var list []*model.Limit
	for _, r := range idx.Scan.results {
		for i := range r.out.limits {
			if l := &r.out.limits[i]; l.Name == name {
				list = append(list, l)
			}
		}
	}
	return list
}

// TableRead reports whether the probe's table was read in the namespace, all of
// it. Only then does an object's absence from the table say anything.
func (idx *Index) TableRead(probe string, namespace uint64) bool {
	idx.Scan.mu.Lock()
	defer idx.Scan.mu.Unlock()
	return idx.Scan.read[tableKey{probe, namespace}]
}

func sortHolders(h []model.Holder) {
	slices.SortFunc(h, func(a, b model.Holder) int {
		c := cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.TID, b.TID), strings.Compare(string(a.Via), string(b.Via)),
			cmp.Compare(a.FD.Or(-1), b.FD.Or(-1)))
		if c == 0 && a.Extent != nil && b.Extent != nil {
			c = cmp.Or(cmp.Compare(a.Address, b.Address), strings.Compare(a.Object, b.Object))
		}
		if c == 0 && a.LockHold != nil && b.LockHold != nil {
			c = cmp.Or(strings.Compare(a.Range, b.Range), strings.Compare(a.LockMode, b.LockMode))
		}
		return c
	})
}

// complete adds what can be told when all holders are known: which descriptors
// are the same object, what the probes' Complete hooks ask, and which holders
// share a description.
func (s *Scan) complete(ctx context.Context, idx *Index) {
	out := &Collector{probe: "ofd"}
	begin := time.Now()
	d := newDescriptions(idx, out)
	s.mergeDescriptions(d)
	s.addDuration("ofd", time.Since(begin))
	s.completeProbes(ctx, idx)
	idx.noteInFlight()
	begin = time.Now()
	s.markShared(d)
	d.report()
	s.addDuration("ofd", time.Since(begin))
	s.add(&result{out: out})
}

func (s *Scan) completeProbes(ctx context.Context, idx *Index) {
	for i := range s.scanner.opts.Probes {
		p := &s.scanner.opts.Probes[i]
		if p.Complete == nil {
			continue
		}
		out := &Collector{probe: p.Name}
		begin := time.Now()
		if err := s.recovered(func() error { p.Complete(ctx, idx, out); return nil }); err != nil {
			out.Fail("complete", "", err)
		}
		idx.connect(out)
		s.addDuration(p.Name, time.Since(begin))
		s.add(&result{out: out})
	}
}

// Each does work for every entry on guarded threads; see [guard.Task.Begin]. The
// function that work returns is called only if the work was not given up: it
// alone may change the entry.
func (idx *Index) Each(list []*Entry, work func(t *guard.Task, e *Entry) (commit func())) {
	sc := idx.Scan.scanner
	sc.guard.Each(len(list), sc.opts.Workers, func(i int) any { return list[i].Key },
		func(t *guard.Task, i int) func() { return work(t, list[i]) })
}

// BeginAt is [guard.Task.Begin] for what is asked of a process although the task is about
// something else: it is left alone where it got stuck when the process itself was
// read, and the other way round.
func (idx *Index) BeginAt(t *guard.Task, pid int32, op string, n int32) bool {
	k := processKey{pid: int(pid)}
	if p := idx.Processes[pid]; p != nil {
		k.ticks = p.StartTicks
	}
	return t.BeginFor(k, op, n)
}

// Skips reports whether an operation on e must not be tried, as [guard.Task.Begin]
// does for work that is done elsewhere.
func (idx *Index) Skips(e *Entry, op string) bool {
	return idx.Scan.scanner.guard.Skips(e.Key, op, 0)
}

// MarkStuck has an operation on e left alone from now on, because who was to do it
// is stuck. back is to be called if that ever comes back.
func (idx *Index) MarkStuck(e *Entry, op string) (back func()) {
	return idx.Scan.scanner.guard.MarkStuck(e.Key, op, 0)
}

// snapshot fills in the snapshot, everything in the order of the JSON contract. Done
// again, it takes in what was found in between.
func (s *Scan) snapshot(idx *Index, snap *model.Snapshot) {
	*snap = model.Snapshot{
		Schema: model.Schema,
		Host:   s.host(),
		Scan: model.Scan{
			EUID:                os.Geteuid(),
			Backends:            map[string]string{},
			Probes:              map[string]model.ProbeReport{},
			PIDNamespaceForeign: !s.PIDCalls,
		},
	}
	s.mu.Lock()
	results := s.results
	for name, d := range s.durations {
		snap.Scan.Probes[name] = model.ProbeReport{Duration: int64(d)}
	}
	s.mu.Unlock()
	for _, r := range results {
		if r.process != nil {
			snap.Processes = append(snap.Processes, r.process)
			snap.Scan.Processes++
		}
		if r.unreadable {
			snap.Scan.ProcessesUnreadable++
		}
		snap.Gaps = append(snap.Gaps, r.out.gaps...)
		snap.Limits = append(snap.Limits, r.out.limits...)
		snap.Waits = append(snap.Waits, r.out.waits...)
		for what, how := range r.out.backends {
			snap.Scan.Backends[what] = how
		}
	}
	slices.SortFunc(snap.Processes, func(a, b *model.Process) int { return a.PID - b.PID })
	if s.waited && snap.Waits == nil {
		snap.Waits = []model.Wait{} // somebody looked, and nobody waits
	}
	slices.SortFunc(snap.Waits, func(a, b model.Wait) int { return cmp.Or(a.PID-b.PID, a.TID-b.TID) })
	sortGaps(snap.Gaps)
	snap.Limits = sortLimits(snap.Limits)

	list := make([]*Entry, 0, len(idx.objects))
	for _, e := range idx.objects {
		e.Object.Holders = e.Holders
		e.Object.HoldersComplete = idx.HoldersComplete(e)
		for _, p := range e.peers {
			if to, ok := idx.Lookup(p.to); ok {
				e.Object.Peers = append(e.Object.Peers, model.Peer{ID: to.Object.ID, Confidence: p.confidence})
			}
		}
		e.Object.Peers = sortPeers(e.Object.Peers)
		list = append(list, e)
	}
	sortObjects(list)
	snap.Objects = make([]*model.Object, len(list))
	for i, e := range list {
		snap.Objects[i] = e.Object
	}
	if !s.WaitsOnly() {
		snap.Links = model.MakeLinks(snap.Objects)
	}
}

// sortPeers orders peers by id. Of several statements about one the surest is
// kept.
func sortPeers(peers []model.Peer) []model.Peer {
	if len(peers) < 2 {
		return peers
	}
	slices.SortFunc(peers, func(a, b model.Peer) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), a.Confidence.Rank()-b.Confidence.Rank())
	})
	return slices.CompactFunc(peers, func(a, b model.Peer) bool { return a.ID == b.ID })
}

func sortGaps(gaps []model.Gap) {
	slices.SortFunc(gaps, func(a, b model.Gap) int {
		return cmp.Or(strings.Compare(a.Probe, b.Probe), a.PID-b.PID, a.TID-b.TID, strings.Compare(a.Object, b.Object),
			strings.Compare(a.Op, b.Op), strings.Compare(string(a.Reason), string(b.Reason)), strings.Compare(a.Path, b.Path))
	})
}
