package probe

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Index is what was found, object by object.
type Index struct {
	Scan      *Scan
	Processes map[int32]*model.Process

	joined    *joined
	merged    map[Key]*Entry        // keys of objects that turned out to be another
	since     map[int32]int         // the scan that read what is still known of a process
	described map[int32][]described // of processes of which nothing is kept
	wanted    map[string]bool       // see [Index.Wanted]
	locks     map[*Entry]*Entry     // see [Index.LocksOf]
	inFlight  bool                  // some socket has descriptors in its queue
	hidden    bool                  // there are processes whose descriptors were not all read
	unmapped  bool                  // … or whose mappings
}

// Entry is an object with its holders and peers.
type Entry struct {
	Key     Key
	Object  *model.Object // nil: only holders are known
	Holders []model.Holder

	// Complete is for probes that know it better than the scan, which can only
	// tell whether it read every process: the kernel may count an object's
	// holders itself, or keep no record of them at all. It is not for objects of an
	// [KeySpace.Incremental] space.
	Complete model.Opt[bool]

	gone bool // it is another's name, or was dropped
	source
}

// Adopt gives e further holders: those of a key that turned out to be another
// name of the same object.
func (e *Entry) Adopt(h ...model.Holder) {
	e.OwnHolders()
	e.Holders = append(e.Holders, h...)
	sortHolders(e.Holders)
	if e.Object == nil && e.in != nil {
		e.in.noteOrphan(e)
	}
}

// OwnHolders makes the holders those of this scan alone, so that they may be changed:
// those of an object of an [KeySpace.Incremental] space are shared with earlier snapshots.
// The next scan puts them together anew.
func (e *Entry) OwnHolders() {
	if e.Key.Space.Incremental && !e.owned {
		e.Holders = cloneHolders(e.Holders)
	}
	e.owned = true
	e.touch()
}

// OwnObject is the object, made one of this scan alone so that it may be changed: one of an
// [KeySpace.Incremental] space may be in earlier snapshots, too.
func (e *Entry) OwnObject() *model.Object {
	if e.shown {
		o := *e.Object
		e.Object, e.shown, e.raw = &o, false, false
		e.touch()
	}
	return e.Object
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

// Unchanged reports whether an object of an [KeySpace.Incremental] space is as the last
// scan left it, and none of the processes that are known to have it has run since. Another
// may have changed it all the same: one of which it is not known what it has, or one that
// came by the object below /proc/PID/fd and has gone. So of those that are unchanged a part
// is to be asked all the same, in each scan another one, and a larger one if such a process
// has run: then nothing is older than a few scans.
func (idx *Index) Unchanged(e *Entry) bool {
	every := uint64(unchangedScans)
	if idx.Scan.hiddenRan {
		every = hiddenScans
	}
	return e.freshIn != int32(idx.Scan.number) && (e.Key.Num+uint64(idx.Scan.number))%every != 0
}

// unchangedScans and hiddenScans are after how many scans an object is asked anew that no
// process can have changed, or one alone that is hidden.
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

// LookupUnclaimed returns the holders of a key that no probe described.
func (idx *Index) LookupUnclaimed(k Key) (*Entry, bool) {
	e := idx.joined.entries[k]
	return e, e != nil && e.unclaimed()
}

// listed reports whether e is an object of the snapshot, unclaimed whether only its
// holders are known.
func (e *Entry) listed() bool    { return e.Object != nil && !e.gone }
func (e *Entry) unclaimed() bool { return e.Object == nil && len(e.Holders) > 0 }

// In lists the objects of a space, in no particular order.
func (idx *Index) In(space *KeySpace) []*Entry {
	return slices.DeleteFunc(slices.Clone(idx.joined.spaces[space]), func(e *Entry) bool { return !e.listed() })
}

// Among goes through the objects of a space, in no particular order. Meanwhile there must not come others.
func (idx *Index) Among(space *KeySpace) iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for _, e := range idx.joined.spaces[space] {
			if e.listed() && !yield(e) {
				return
			}
		}
	}
}

// Unclaimed lists the keys of a space that are held but that no probe described.
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

// noteOrphan notes whether only holders are known of e.
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

// Describe makes an unclaimed key an object.
func (idx *Index) Describe(e *Entry, object *model.Object) {
	e.Object, e.described, e.shown, e.raw = object, true, false, false
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

// Add makes an object of a key that nobody has emitted before, when the join is
// done already. An object that is there is returned as it is.
func (idx *Index) Add(k Key, object *model.Object, holders ...model.Holder) *Entry {
	e := idx.joined.at(k)
	if !e.listed() {
		e.gone = false
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

// cloneHolders copies holders with what they point to, but for the locks, which nobody
// changes.
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
