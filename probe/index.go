package probe

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Index contains the objects that a scan found, by key.
type Index struct {
	Scan      *Scan
	Processes map[int32]*model.Process

	joined    *joined
	merged    map[Key]*Entry        // the entry into which the object with this key was merged
	since     map[int32]int         // by process: the scan that read its cached facts
	described map[int32][]described // of processes without a cache
	wanted    map[string]bool       // see [Index.Wanted]
	locks     map[*Entry]*Entry     // see [Index.LocksOf]
	inFlight  bool                  // some socket has descriptors in its queue
	hidden    bool                  // the descriptors of some process were not all read
	unmapped  bool                  // … or its mappings were not
}

// Entry is an object with its holders and peers.
type Entry struct {
	Key     Key
	Object  *model.Object // nil: only holders are known
	Holders []model.Holder

	// Complete says whether the list of holders is complete. It is for probes that know this
	// better than the scan, which only knows whether it read every process: the kernel may
	// count an object's holders itself, or keep no record of them at all. It is not for objects
	// of a [KeySpace.Incremental] space.
	Complete model.Opt[bool]

	excluded bool // it was merged into another entry, or dropped
	source
}

// Adopt adds holders to e: those of another key that turned out to name the same object.
func (e *Entry) Adopt(h ...model.Holder) {
	e.OwnHolders()
	e.Holders = append(e.Holders, h...)
	sortHolders(e.Holders)
	if e.Object == nil && e.in != nil {
		e.in.noteOrphan(e)
	}
}

// OwnHolders makes a copy of the holders for this scan, so that they may be changed: in a
// [KeySpace.Incremental] space, earlier snapshots share them. The next scan builds the list
// again.
func (e *Entry) OwnHolders() {
	if e.Key.Space.Incremental && !e.owned {
		e.Holders = cloneHolders(e.Holders)
	}
	e.owned = true
	e.touch()
}

// OwnObject returns an object that may be changed. If earlier snapshots share it, as they may
// in a [KeySpace.Incremental] space, it is copied first.
func (e *Entry) OwnObject() *model.Object {
	if e.shown {
		o := *e.Object
		e.Object, e.shown, e.asEmitted = &o, false, false
		e.touch()
	}
	return e.Object
}

// HoldersComplete reports whether the list of e's holders is certainly complete.
func (idx *Index) HoldersComplete(e *Entry) bool {
	if complete, ok := e.Complete.Get(); ok {
		return complete
	}
	if idx.inFlight && e.lacksEnd() {
		return false
	}
	return !idx.hidden && (!e.Key.Space.ByMapping || !idx.unmapped)
}

// Since returns the number of the scan since which no thread of a process has run. If that is
// not known, it returns the number of this scan. See [Index.Number].
func (idx *Index) Since(pid int32) int {
	if n, ok := idx.since[pid]; ok {
		return n
	}
	return idx.Scan.number
}

// Number returns the number of this scan, for code that caches something between scans. A
// scanner counts its scans.
func (idx *Index) Number() int { return idx.Scan.number }

// Unchanged reports whether an object of a [KeySpace.Incremental] space is as the last
// scan left it, and no known holder has run since. Another process may have changed it all
// the same: one whose descriptors and mappings are not known, or one that opened the object
// through /proc/PID/fd and has ended. So in each scan another part of the unchanged objects
// counts as changed and is queried again, and a larger part if a process with unknown
// descriptors has run. So no result is older than a few scans.
func (idx *Index) Unchanged(e *Entry) bool {
	every := uint64(unchangedScans)
	if idx.Scan.hiddenRan {
		every = hiddenScans
	}
	return e.freshIn != int32(idx.Scan.number) && (e.Key.Num+uint64(idx.Scan.number))%every != 0
}

// unchangedScans is the number of scans after which an unchanged object is queried again;
// hiddenScans is the same if a process with unknown descriptors or mappings has run.
const (
	unchangedScans = 16
	hiddenScans    = 4
)

// Lookup returns the object behind k.
func (idx *Index) Lookup(k Key) (*Entry, bool) {
	if e := idx.joined.entries[k]; e != nil && e.listed() {
		return e, true
	}
	e, ok := idx.merged[k]
	return e, ok
}

// LookupUnclaimed returns the entry of a key that has holders but that no probe described.
func (idx *Index) LookupUnclaimed(k Key) (*Entry, bool) {
	e := idx.joined.entries[k]
	return e, e != nil && e.unclaimed()
}

// listed reports whether e is an object of the snapshot; unclaimed reports whether only its
// holders are known.
func (e *Entry) listed() bool    { return e.Object != nil && !e.excluded }
func (e *Entry) unclaimed() bool { return e.Object == nil && len(e.Holders) > 0 }

// In lists the objects of a space, in no particular order.
func (idx *Index) In(space *KeySpace) []*Entry {
	return slices.DeleteFunc(slices.Clone(idx.joined.spaces[space]), func(e *Entry) bool { return !e.listed() })
}

// Among iterates over the objects of a space, in no particular order. No object may be added
// meanwhile.
func (idx *Index) Among(space *KeySpace) iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for _, e := range idx.joined.spaces[space] {
			if e.listed() && !yield(e) {
				return
			}
		}
	}
}

// Unclaimed lists the entries of a space that have holders but that no probe described.
func (idx *Index) Unclaimed(space *KeySpace) []*Entry {
	var list []*Entry
	if idx.joined.keep && space.Incremental {
		for e := range idx.joined.orphans[space] {
			if e.unclaimed() {
				list = append(list, e)
			}
		}
		return list
	}
	for _, e := range idx.joined.spaces[space] {
		if e.unclaimed() {
			list = append(list, e)
		}
	}
	return list
}

// noteOrphan notes whether e is unclaimed.
func (j *joined) noteOrphan(e *Entry) {
	if !j.keep || !e.Key.Space.Incremental {
		return
	}
	list := j.orphans[e.Key.Space]
	switch {
	case !e.unclaimed():
		if len(list) > 0 {
			delete(list, e)
		}
	case list == nil:
		j.orphans[e.Key.Space] = map[*Entry]bool{e: true}
	default:
		list[e] = true
	}
}

// Describe sets the object of an unclaimed entry.
func (idx *Index) Describe(e *Entry, object *model.Object) {
	e.Object, e.described, e.shown, e.asEmitted = object, true, false, false
	e.touch()
	idx.joined.note(e)
}

// All lists all objects, in no particular order.
func (idx *Index) All() iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for _, list := range idx.joined.spaces {
			for _, e := range list {
				if e.listed() && !yield(e) {
					return
				}
			}
		}
	}
}

// Add adds an object after the join, with a key that no probe has emitted. If the object is
// there already, it is returned as it is.
func (idx *Index) Add(k Key, object *model.Object, holders ...model.Holder) *Entry {
	e := idx.joined.at(k)
	if !e.listed() {
		e.excluded = false
		idx.Describe(e, object)
		e.Adopt(holders...)
	}
	return e
}

// OfKind lists the objects of some kinds, in no particular order.
func (idx *Index) OfKind(kinds ...model.Kind) []*Entry {
	var list []*Entry
	for space, all := range idx.joined.spaces {
		if space.Incremental && !slices.ContainsFunc(kinds, func(k model.Kind) bool { return slices.Contains(idx.joined.kinds[space], k) }) {
			continue
		}
		for _, e := range all {
			if e.listed() && slices.Contains(kinds, e.Object.Kind) {
				list = append(list, e)
			}
		}
	}
	return list
}

// Reads reports whether a probe with this name takes part in the scan. If it does not, the
// absence of objects of its kind means nothing.
func (idx *Index) Reads(probe string) bool {
	return slices.ContainsFunc(idx.Scan.scanner.opts.Probes, func(p Probe) bool { return p.Name == probe })
}

// Hidden reports whether there may be holders that the scan could not see.
func (idx *Index) Hidden() bool { return idx.hidden }

// Limits lists the limits with this name that were emitted so far, so that the caller can fill
// in how much of them is used.
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

// TableRead reports whether the probe's table was read completely in the namespace. Only
// then does it mean anything that an object is not in the table.
func (idx *Index) TableRead(probe string, namespace uint64) bool {
	idx.Scan.mu.Lock()
	defer idx.Scan.mu.Unlock()
	return idx.Scan.read[tableKey{probe, namespace}]
}

func sortHolders(h []model.Holder) {
	if !slices.IsSortedFunc(h, orderHolders) {
		slices.SortFunc(h, orderHolders)
	}
}

func orderHolders(a, b model.Holder) int {
	c := cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.TID, b.TID), strings.Compare(string(a.Via), string(b.Via)),
		cmp.Compare(a.FD.Or(-1), b.FD.Or(-1)))
	if c == 0 && a.Extent != nil && b.Extent != nil {
		c = cmp.Or(cmp.Compare(a.Address, b.Address), strings.Compare(a.Object, b.Object))
	}
	if c == 0 && a.LockHold != nil && b.LockHold != nil {
		c = cmp.Or(strings.Compare(a.Range, b.Range), strings.Compare(a.LockMode, b.LockMode))
	}
	return c
}

// cloneHolders copies holders with everything they point to, except the locks, which are never
// changed.
func cloneHolders(list []model.Holder) []model.Holder {
	list = slices.Clone(list)
	ownExtents(list)
	return list
}

func ownExtents(list []model.Holder) {
	for i := range list {
		if list[i].Extent != nil {
			extent := *list[i].Extent
			list[i].Extent = &extent
		}
	}
}
