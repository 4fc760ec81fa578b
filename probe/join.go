package probe

import (
	"cmp"
	"context"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

// Joined is what was found, object by object.
type Joined struct {
	Scan      *Scan
	Processes map[int32]*model.Process

	objects   map[Key]*Joint
	spaces    map[*Space][]*Joint // objects by space, those that are gone included
	shelf     []model.Object      // where they lie
	order     []*Joint            // in which a snapshot took them from there
	unclaimed map[Key]*Joint
	merged    map[Key]*Joint // keys of objects that turned out to be another
	since     map[int32]int  // the scan that read what is still known of a process
	hidden    bool           // there are processes whose descriptors were not all read
	unmapped  bool           // … or whose mappings
}

// Joint is an object with its holders and peers.
type Joint struct {
	Key     Key
	Object  *model.Object // nil: only holders are known
	Holders []model.Holder

	// Complete is for probes that know it better than the scan, which can only
	// tell whether it read every process: the kernel may count an object's
	// holders itself, or keep no record of them at all.
	Complete model.Opt[bool]

	gone  bool // it is another's name, or was dropped
	place int  // where Object lies on the shelf, from 1; 0: elsewhere
	holds int  // how many were emitted
	peers []peerRecord
}

// Adopt gives e further holders: those of a key that turned out to be another
// name of the same object.
func (e *Joint) Adopt(h ...model.Holder) {
	e.Holders = append(e.Holders, h...)
	sortHolders(e.Holders)
}

// HoldersComplete reports whether there can be no holder of e that is not listed.
func (j *Joined) HoldersComplete(e *Joint) bool {
	if complete, ok := e.Complete.Get(); ok {
		return complete
	}
	return !j.hidden && (!e.Key.Space.ByMapping || !j.unmapped)
}

// Since is the number of the scan from which on no thread of a process has run;
// that of the scan at hand where it is not known of an earlier one. See
// [Joined.Number].
func (j *Joined) Since(pid int32) int {
	if n, ok := j.since[pid]; ok {
		return n
	}
	return j.Scan.number
}

// Number counts the scans of a scanner, for who keeps something from one to the
// next.
func (j *Joined) Number() int { return j.Scan.number }

// Lookup returns the object behind k.
func (j *Joined) Lookup(k Key) (*Joint, bool) {
	e, ok := j.objects[k]
	if !ok {
		e, ok = j.merged[k]
	}
	return e, ok
}

// In lists the objects of a space, in no particular order.
func (j *Joined) In(space *Space) []*Joint {
	var list []*Joint
	for _, e := range j.spaces[space] {
		if !e.gone {
			list = append(list, e)
		}
	}
	return list
}

// Unclaimed lists the keys of a space that are held but that no probe described.
func (j *Joined) Unclaimed(space *Space) []*Joint {
	var list []*Joint
	for k, e := range j.unclaimed {
		if k.Space == space {
			list = append(list, e)
		}
	}
	return list
}

// Describe makes an unclaimed key an object.
func (j *Joined) Describe(e *Joint, object *model.Object) {
	e.Object = object
	delete(j.unclaimed, e.Key)
	j.put(e)
}

func (j *Joined) put(e *Joint) {
	j.objects[e.Key] = e
	j.spaces[e.Key.Space] = append(j.spaces[e.Key.Space], e)
}

// All lists all objects, in no particular order.
func (j *Joined) All() iter.Seq[*Joint] {
	return func(yield func(*Joint) bool) {
		for _, list := range j.spaces {
			for _, e := range list {
				if !e.gone && !yield(e) {
					return
				}
			}
		}
	}
}

// Peers calls f for each object at the other end of e.
func (j *Joined) Peers(e *Joint, f func(peer *Joint, c model.Confidence)) {
	for _, p := range e.peers {
		if to, ok := j.objects[p.to]; ok {
			f(to, p.confidence)
		}
	}
}

// Add makes an object of a key that nobody has emitted before, when the join is
// done already. An object that is there is returned as it is.
func (j *Joined) Add(k Key, object *model.Object, holders ...model.Holder) *Joint {
	if e, ok := j.objects[k]; ok {
		return e
	}
	e := &Joint{Key: k, Object: object}
	e.Adopt(holders...)
	j.put(e)
	return e
}

// join brings together all that was emitted under one key.
func (s *Scan) join() *Joined {
	s.mu.Lock()
	results := slices.Clone(s.results)
	s.mu.Unlock()
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
		holds += len(r.out.holds)
		if r.process != nil {
			processes++
		}
	}
	j := &Joined{
		Scan:      s,
		Processes: make(map[int32]*model.Process, processes),
		objects:   make(map[Key]*Joint, max(objects+holds/4, s.scanner.joints)),
		spaces:    map[*Space][]*Joint{},
		since:     map[int32]int{},
		unclaimed: map[Key]*Joint{},
		hidden:    s.hidden,
		unmapped:  s.hidden,
	}
	var joints []Joint // made many at a time
	at := func(k Key) *Joint {
		e := j.objects[k]
		if e == nil {
			if len(joints) == 0 {
				joints = make([]Joint, 512)
			}
			e, joints = &joints[0], joints[1:]
			e.Key = k
			j.objects[k] = e
		}
		return e
	}
	for _, r := range results {
		if r.process != nil {
			j.Processes[int32(r.process.PID)] = r.process
			if r.kept != nil {
				j.since[int32(r.process.PID)] = r.kept.scan
			}
		}
		j.hidden = j.hidden || r.partialFDs
		j.unmapped = j.unmapped || r.partialMaps
		for i := range r.out.objects {
			if e := at(r.out.objects[i].key); e.Object == nil {
				e.Object = r.out.objects[i].object
			}
		}
		for i := range r.out.holds {
			h := &r.out.holds[i]
			h.joint = at(h.key)
			h.joint.holds++
		}
	}
	// All holders lie in one slab; each object has its part of it.
	slab := make([]model.Holder, 0, holds)
	for _, e := range j.objects {
		n := len(slab) + e.holds
		e.Holders = slab[len(slab):len(slab):n]
		slab = slab[:n]
	}
	for _, r := range results {
		for i := range r.out.holds {
			h := &r.out.holds[i]
			h.joint.Holders = append(h.joint.Holders, h.holder)
		}
		j.connect(r.out)
		r.out.holds, r.out.objects = nil, nil // joined: their memory is wanted back
	}
	s.scanner.joints = len(j.objects)
	j.shelve()
	for _, e := range j.objects {
		sortHolders(e.Holders)
	}
	for _, e := range j.unclaimed {
		sortHolders(e.Holders)
	}
	return j
}

// connect gives the objects the peers that a probe emitted.
func (j *Joined) connect(out *Out) {
	for _, p := range out.peers {
		if e, ok := j.objects[p.from]; ok {
			e.peers = append(e.peers, p)
		}
	}
	out.peers = nil
}

// OfKind lists the objects of a kind, in no particular order.
func (j *Joined) OfKind(kind model.Kind) []*Joint {
	var list []*Joint
	for e := range j.All() {
		if e.Object != nil && e.Object.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

// Reads reports whether a probe of this name takes part in the scan. If not,
// that there is no object of its kind says nothing.
func (j *Joined) Reads(probe string) bool {
	return slices.ContainsFunc(j.Scan.scanner.opts.Probes, func(p Probe) bool { return p.Name == probe })
}

// Hidden reports whether there may be holders that the scan could not see.
func (j *Joined) Hidden() bool { return j.hidden }

// Limits lists the limits of a name that were emitted so far, for who has to say
// how much of them is used.
func (j *Joined) Limits(name string) []*model.Limit {
	j.Scan.mu.Lock()
	defer j.Scan.mu.Unlock()
	var list []*model.Limit
	for _, r := range j.Scan.results {
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
func (j *Joined) TableRead(probe string, namespace uint64) bool {
	j.Scan.mu.Lock()
	defer j.Scan.mu.Unlock()
	return j.Scan.read[tableKey{probe, namespace}]
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
func (s *Scan) complete(ctx context.Context, j *Joined) {
	out := &Out{probe: "ofd"}
	begin := time.Now()
	d := newDescriptions(j, out)
	s.mergeDescriptions(d)
	s.spend("ofd", time.Since(begin))
	s.completeProbes(ctx, j)
	begin = time.Now()
	s.markShared(d)
	d.report()
	s.spend("ofd", time.Since(begin))
	s.add(&result{out: out})
}

func (s *Scan) completeProbes(ctx context.Context, j *Joined) {
	for i := range s.scanner.opts.Probes {
		p := &s.scanner.opts.Probes[i]
		if p.Complete == nil {
			continue
		}
		out := &Out{probe: p.Name}
		begin := time.Now()
		if err := recovered(func() error { p.Complete(ctx, j, out); return nil }); err != nil {
			out.Fail("complete", "", err)
		}
		j.connect(out)
		s.spend(p.Name, time.Since(begin))
		s.add(&result{out: out})
	}
}

// Each does work for every joint on guarded threads; see [Task.Enter]. The
// function that work returns is called only if the work was not given up: it
// alone may change the joint.
func (j *Joined) Each(list []*Joint, work func(t *Task, e *Joint) (commit func())) {
	sc := j.Scan.scanner
	sc.guard.each(len(list), sc.opts.Workers, func(i int) any { return list[i].Key },
		func(t *Task, i int) func() { return work(t, list[i]) })
}

// EnterAt is [Task.Enter] for what is asked of a process although the task is about
// something else: it is left alone where it got stuck when the process itself was
// read, and the other way round.
func (j *Joined) EnterAt(t *Task, pid int32, op string, n int32) bool {
	k := processKey{pid: int(pid)}
	if p := j.Processes[pid]; p != nil {
		k.ticks = p.StartTicks
	}
	return t.enter(k, op, n)
}

// GivenUp reports whether an operation on e must not be tried, as [Task.Enter]
// does for work that is done elsewhere.
func (j *Joined) GivenUp(e *Joint, op string) bool {
	return j.Scan.scanner.guard.avoids(avoidKey{item: e.Key, op: op})
}

// GiveUp has an operation on e left alone from now on, because who was to do it
// is stuck. back is to be called if that ever comes back.
func (j *Joined) GiveUp(e *Joint, op string) (back func()) {
	g := j.Scan.scanner.guard
	g.lose(avoidKey{item: e.Key, op: op})
	return g.regain
}

// snapshot puts everything into the order of the JSON contract.
func (s *Scan) snapshot(j *Joined) *model.Snapshot {
	snap := &model.Snapshot{
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
	for name, d := range s.spent {
		snap.Scan.Probes[name] = model.ProbeReport{Duration: int64(d)}
	}
	s.mu.Unlock()
	for _, r := range results {
		if r.process != nil {
			snap.Processes = append(snap.Processes, *r.process)
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
	slices.SortFunc(snap.Processes, func(a, b model.Process) int { return a.PID - b.PID })
	if s.waited && snap.Waits == nil {
		snap.Waits = []model.Wait{} // somebody looked, and nobody waits
	}
	slices.SortFunc(snap.Waits, func(a, b model.Wait) int { return cmp.Or(a.PID-b.PID, a.TID-b.TID) })
	sortGaps(snap.Gaps)
	snap.Limits = sortLimits(snap.Limits)

	list := make([]*Joint, 0, len(j.objects))
	for _, e := range j.objects {
		e.Object.Holders = e.Holders
		e.Object.HoldersComplete = j.HoldersComplete(e)
		for _, p := range e.peers {
			if to, ok := j.Lookup(p.to); ok {
				e.Object.Peers = append(e.Object.Peers, model.Peer{ID: to.Object.ID, Confidence: p.confidence})
			}
		}
		e.Object.Peers = sortPeers(e.Object.Peers)
		list = append(list, e)
	}
	sortObjects(list)
	snap.Objects, j.order = j.takeShelf(list), list
	if !s.WaitsOnly() {
		snap.Links = model.MakeLinks(snap.Objects)
	}
	return snap
}

// sortPeers orders peers by id. Of several statements about one the surest is
// kept.
func sortPeers(peers []model.Peer) []model.Peer {
	if len(peers) < 2 {
		return peers
	}
	slices.SortFunc(peers, func(a, b model.Peer) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), a.Confidence.Doubt()-b.Confidence.Doubt())
	})
	return slices.CompactFunc(peers, func(a, b model.Peer) bool { return a.ID == b.ID })
}

func sortGaps(gaps []model.Gap) {
	slices.SortFunc(gaps, func(a, b model.Gap) int {
		return cmp.Or(strings.Compare(a.Probe, b.Probe), a.PID-b.PID, a.TID-b.TID, strings.Compare(a.Object, b.Object),
			strings.Compare(a.Op, b.Op), strings.Compare(string(a.Reason), string(b.Reason)), strings.Compare(a.Path, b.Path))
	})
}
