package probe

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// joined contains everything that was emitted, by key. A scanner that makes several scans keeps
// it. The holders of a process that has not run since the last scan, and the unchanged records
// of a table, are in it already, so the cost of a join depends on what has changed.
type joined struct {
	entries      map[Key]*Entry
	spaces       map[*KeySpace][]*Entry
	kinds        map[*KeySpace][]model.Kind // kinds that objects of an incremental space have had
	origins      map[origin]*emitted
	tabled       []*Entry                      // entries with holders that a table told of
	touched      []*Entry                      // entries that have changed since the objects were made
	made         []*Entry                      // the touched entries of this scan; some may have been removed
	listed       listed                        // the objects of the last snapshot
	orphans      map[*KeySpace]map[*Entry]bool // unclaimed entries
	queues       map[*Entry]bool               // UNIX sockets with descriptors in their queue
	passes       int32                         // counts the passes that look at each entry once
	slab         []model.Object                // memory for the next objects, in a single scan
	block        []Entry                       // memory for the next entries, in the first scan
	first        bool                          // nothing has been joined before
	keep         bool                          // another scan may follow
	number       int                           // of the scan
	drops        int32                         // counts the calls of release and drop
	spares       map[*Entry][]model.Holder     // reusable memory for lists of holders
	holderCounts map[fullHolderKey]int         // see [joined.verified]
	seenHolders  map[objectHolderKey]bool      // see [joined.sameAfterRun]
}

// origin is a process or a table.
type origin struct {
	process processKey
	table   tableKey
}

// emitted is the joined part of what one process or table emitted.
type emitted struct {
	origin
	lastScan int           // the last scan that read it
	cache    *processCache // the cache whose holders are joined
	stable   []*Entry      // the entries of these holders
	holders  []holderRecord
	objects  []objectRecord
	peers    []peerRecord
	stamp    Stamp // of a table
	spare    spare
}

// spare is memory of a table's old records, to be reused in the next scan.
type spare struct {
	objects []objectRecord
	peers   []peerRecord
}

// record is an object as one process or table emitted it.
type record struct {
	from   *emitted
	object *model.Object
}

func newJoined(keep bool) *joined {
	return &joined{
		entries: map[Key]*Entry{}, spaces: map[*KeySpace][]*Entry{}, kinds: map[*KeySpace][]model.Kind{}, origins: map[origin]*emitted{}, first: true, keep: keep,
		orphans: map[*KeySpace]map[*Entry]bool{}, queues: map[*Entry]bool{},
	}
}

// touch notes that the entry has changed, so that its object is made and listed again.
func (e *Entry) touch() {
	if !e.touched && e.in != nil {
		e.touched = true
		e.in.touched = append(e.in.touched, e)
	}
}

func (j *joined) at(k Key) *Entry {
	e := j.entries[k]
	if e == nil {
		switch {
		case !j.first:
			e = new(Entry)
		case len(j.block) == 0:
			j.block = make([]Entry, 512)
			fallthrough
		default:
			e, j.block = &j.block[0], j.block[1:]
		}
		e.Key, e.in, e.slot = k, j, int32(len(j.spaces[k.Space]))
		j.entries[k] = e
		j.spaces[k.Space] = append(j.spaces[k.Space], e)
		e.touch()
	}
	return e
}

// take updates the join with the results of a scan.
func (j *joined) take(results []*result, number int) {
	j.number = number
	for _, e := range j.tabled {
		e.change()
		e.more.tabled = nil
	}
	j.tabled = j.tabled[:0]
	if j.first {
		j.makeRoom(results)
	}
	for _, r := range results {
		if o, ok := r.origin(); ok {
			j.update(o, r)
		}
		r.out.holders, r.out.objects, r.out.peers = nil, nil, nil // they are joined: free their memory
	}
	for o, s := range j.origins {
		if s.lastScan != number {
			j.drop(s)
			delete(j.origins, o)
		}
	}
	if !j.keep {
		clear(j.origins)
	}
}

// makeRoom allocates memory for the results, with one slab for the holders of all objects;
// each object gets a part of it.
func (j *joined) makeRoom(results []*result) {
	about := 0
	for _, r := range results {
		about += len(r.out.objects) + len(r.out.holders)/4
	}
	j.entries, j.touched = make(map[Key]*Entry, about), make([]*Entry, 0, about)
	all := 0
	for _, r := range results {
		for i := range r.out.holders {
			h := &r.out.holders[i]
			h.entry = j.at(h.key)
			h.entry.place++
			all++
		}
	}
	slab := make([]model.Holder, all)
	for _, list := range j.spaces {
		for _, e := range list {
			e.held, slab = slab[:0:e.place], slab[e.place:]
			e.place = 0
		}
	}
}

// origin returns the process or table of a result; false if the result has nothing to join.
func (r *result) origin() (origin, bool) {
	if r.process != nil {
		return origin{process: processKey{r.process.PID, r.process.StartTicks}}, true
	}
	return origin{table: r.table}, r.table != tableKey{}
}

func (j *joined) update(o origin, r *result) {
	s := j.origins[o]
	if s == nil {
		s = &emitted{origin: o}
		j.origins[o] = s
	}
	s.lastScan = j.number
	if r.unchanged {
		s.spare = spare{r.out.objects[:0], r.out.peers[:0]} // memory of a table's old records
		return
	}
	s.stamp = r.out.stamp
	switch {
	case r.process == nil:
		for i := range r.out.holders {
			e := j.at(r.out.holders[i].key)
			if e.tabled() == nil {
				j.tabled = append(j.tabled, e)
			}
			e.change()
			e.rest().tabled = append(e.tabled(), r.out.holders[i].holder)
		}
	case r.checked && s.cache != nil && j.verified(s, r):
		// The process has the same as before and has not run since. So what was found out about
		// its descriptors then, such as who shares them, is still true.
		r.cache.scan = s.cache.scan
		s.cache = r.cache
	case r.cache != s.cache && j.sameAfterRun(s, r):
		j.noteRun(s, r)
	case r.cache == nil || r.cache != s.cache:
		j.drop(s)
		s.cache = r.cache
		j.hold(s, r.out.holders)
	case !slices.EqualFunc(s.holders, r.out.holders, holderRecord.equal):
		j.release(s)
		s.holders = nil
		j.hold(s, r.out.holders)
	}
	before := s.objects
	j.setObjects(s, r.out.objects)
	if r.process == nil && j.keep {
		clear(before)
		s.spare.objects = before[:0]
	}
	j.setPeers(s, r)
	if r.cache != nil {
		r.cache.joined = true
	}
}

// hold joins the holders that a process emitted.
func (j *joined) hold(s *emitted, holders []holderRecord) {
	for i := range holders {
		h := &holders[i]
		if h.entry == nil {
			h.entry = j.at(h.key)
		}
		h.entry.change()
		h.entry.held = append(h.entry.held, h.holder)
		switch {
		case !j.keep:
		case h.cached:
			s.stable = append(s.stable, h.entry)
		default:
			s.holders = append(s.holders, *h)
		}
	}
}

// setObjects joins the objects that a process or table emitted.
func (j *joined) setObjects(s *emitted, objects []objectRecord) {
	same := 0
	for same < min(len(s.objects), len(objects)) && s.objects[same].key == objects[same].key {
		was, now := &s.objects[same], &objects[same]
		if now.entry = was.entry; now.object != was.object {
			now.entry.replace(s, was.object, now.object)
		}
		same++
	}
	for _, was := range s.objects[min(same, len(s.objects)):] {
		was.entry.replace(s, was.object, nil)
	}
	for i := same; i < len(objects); i++ {
		now := &objects[i]
		now.entry = j.at(now.key)
		now.entry.record(s, now.object)
	}
	if j.keep {
		s.objects = objects
	}
}

// record adds the object as s emitted it, unless there is one of s already. Records of tables come
// before records of processes.
func (e *Entry) record(s *emitted, object *model.Object) {
	e.touch()
	if at, found := e.recordOf(s); !found {
		e.records = slices.Insert(e.records, at, record{s, object})
	}
}

// replace replaces the record of s by another one, or removes it if now is nil.
func (e *Entry) replace(s *emitted, was, now *model.Object) {
	e.touch()
	at, found := e.recordOf(s)
	switch {
	case !found || e.records[at].object != was:
	case now != nil:
		e.records[at].object = now
	default:
		e.records = slices.Delete(e.records, at, at+1)
	}
}

// recordOf returns the index of s's record of the object, or the index at which to insert it.
func (e *Entry) recordOf(s *emitted) (at int, found bool) {
	at, _ = slices.BinarySearchFunc(e.records, s, func(r record, s *emitted) int { return r.from.process.pid - s.process.pid })
	for ; at < len(e.records) && e.records[at].from.process.pid == s.process.pid; at++ {
		if e.records[at].from == s {
			return at, true
		}
	}
	return at, false
}

// holderKey identifies a holder among the holders of one process.
type holderKey struct {
	tid, fd int32
	via     model.Via
	address model.Addr
}

func holderKeyOf(h *model.Holder) holderKey {
	k := holderKey{tid: h.TID, fd: h.FD.Or(-1), via: h.Via}
	if h.Extent != nil {
		k.address = h.Address
	}
	return k
}

// release removes the holders that a process emits anew in each scan.
func (j *joined) release(s *emitted) {
	j.drops++
	gone := make(map[holderKey]bool, len(s.holders))
	for i := range s.holders {
		gone[holderKeyOf(&s.holders[i].holder)] = true
	}
	for i := range s.holders {
		j.releaseFrom(s.holders[i].entry, func(h model.Holder) bool { return int(h.PID) == s.process.pid && gone[holderKeyOf(&h)] })
	}
}

// releaseFrom removes holders from an entry; only once per release or drop.
func (j *joined) releaseFrom(e *Entry, which func(model.Holder) bool) {
	if e.dropped == j.drops {
		return
	}
	e.dropped = j.drops
	if slices.ContainsFunc(e.held, which) {
		e.change()
		e.held = slices.DeleteFunc(e.held, which)
	}
}

// change notes that the holders of e change. It copies the list if the last snapshot shares it.
func (e *Entry) change() {
	if e.holdersChanged {
		return
	}
	e.holdersChanged = true
	e.touch()
	e.ownHeld()
}

// ownHeld copies the list of holders if the last snapshot shares it.
func (e *Entry) ownHeld() {
	if e.Key.Space.Incremental && e.Holders != nil {
		e.held = slices.Clone(e.held)
		for i := range e.held {
			e.held[i].OFD = model.OFD{}
		}
	}
}

// drop removes everything that a process or table emitted.
func (j *joined) drop(s *emitted) {
	j.drops++
	if s.cache != nil {
		s.cache.joined = false
	}
	own := func(h model.Holder) bool { return int(h.PID) == s.process.pid }
	for _, e := range s.stable {
		j.releaseFrom(e, own)
	}
	for i := range s.holders {
		j.releaseFrom(s.holders[i].entry, own)
	}
	for _, o := range s.objects {
		o.entry.replace(s, o.object, nil)
	}
	j.dropPeers(s, s.peers)
	s.stable, s.holders, s.objects, s.peers, s.cache = nil, nil, nil, nil, nil
}

// make makes the objects of all entries that have changed or whose space is not incremental.
// It removes the entries of which nothing is left.
func (j *joined) make(s *Scan) {
	for space, list := range j.spaces {
		if !space.Incremental || !j.keep {
			for _, e := range list {
				e.touch()
			}
		}
	}
	if !j.listed.done { // the last scan was given up before it listed its objects
		for _, e := range j.made {
			e.touch()
		}
	}
	j.listed.done = false
	clear(j.made)
	j.made, j.touched = j.touched, j.made[:0]
	for _, e := range j.made {
		e.touched = false
		if e.removed {
			continue
		}
		if len(e.held)+len(e.tabled())+len(e.records)+len(e.peers)+int(e.named) == 0 {
			j.forget(e)
		} else {
			j.makeEntry(s, e)
		}
	}
	j.first, j.block = false, nil
}

// forget removes an entry of which nothing is left.
func (j *joined) forget(e *Entry) {
	delete(j.entries, e.Key)
	delete(j.orphans[e.Key.Space], e)
	delete(j.queues, e)
	delete(j.spares, e)
	e.removed = true
	list := j.spaces[e.Key.Space]
	last := list[len(list)-1]
	list[e.slot], last.slot = last, e.slot
	list[len(list)-1] = nil
	if list = list[:len(list)-1]; len(list) > 0 {
		j.spaces[e.Key.Space] = list
	} else {
		delete(j.spaces, e.Key.Space)
	}
}

func (j *joined) makeEntry(s *Scan, e *Entry) {
	keep := j.keep
	same := keep && e.Key.Space.Incremental
	remake := !same || e.holdersChanged || e.owned
	if e.holdersChanged {
		e.holdersChangedIn = int32(j.number)
	}
	if remake {
		e.holdersMadeIn = int32(j.number)
		if same && !e.holdersChanged {
			e.ownHeld() // the descriptions must be compared again
		}
		sortHolders(e.held)
		if e.Holders = slices.Clip(e.held); keep && !same {
			e.Holders = append(j.spareHolders(e), e.held...)
			ownExtents(e.Holders)
		}
		if tabled := e.tabled(); len(tabled) > 0 {
			e.Holders = append(e.Holders, tabled...)
		}
		sortHolders(e.Holders)
	}
	var first *model.Object
	if len(e.records) > 0 {
		first = e.records[0].object
	}
	fresh := remake || e.described || e.made != first || e.Object == nil
	if e.described {
		e.Object = nil // Describe set it, in the last scan only
	}
	if fresh {
		e.freshIn = int32(j.number)
		switch {
		case first != nil && e.Key.Space.Incremental && e.made != first && first.Holders == nil:
			e.Object, e.shown, e.asEmitted = first, true, true
		case first != nil:
			j.place(e, *first)
		case e.Key.Space.New != nil && len(e.Holders) > 0:
			j.place(e, e.Key.Space.New(e.Key, s))
		default:
			e.Object = nil
		}
		e.made = first
	}
	if fresh {
		j.note(e)
	}
	j.noteOrphan(e)
	e.Complete, e.excluded = model.Opt[bool]{}, false
	if e.more != nil {
		if e.more.found = nil; e.more.tabled == nil {
			e.more = nil
		}
	}
	e.holdersChanged, e.owned, e.described = false, false, false
}
