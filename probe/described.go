package probe

import (
	"cmp"
	"slices"

	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
)

// For each descriptor, a source tells the address of its open file description in kernel memory. A
// process that does not run keeps its descriptions, so no other description can get the same
// address meanwhile: two descriptors at the same address share one description if one of them was
// kept so. So the addresses are cached with the process. If a process has run, but has the same
// descriptors with descriptions at the same addresses, it shares with other processes what it
// shared before.

// described is a descriptor with the address of its description.
type described struct {
	fd int32
	at uint64
}

// find returns the address of a descriptor's description, as the source told it. stable says that
// nobody can have changed it since before anything was read in this scan.
func (d *descriptions) find(desc kcmp.Descriptor) (at uint64, stable, known bool) {
	s := d.idx.Scan
	p := d.idx.Processes[desc.Task]
	switch f := s.facts; {
	case f == nil:
		return 0, false, false
	case f.whole:
		x, stable := f.find(desc)
		if x == nil || p != nil && f.task(desc.Task).ticks != p.StartTicks {
			return 0, false, false
		}
		return x.description, stable, true
	case p == nil: // a thread that has descriptors of its own
		return 0, false, false
	}
	list, stable := d.idx.describedOf(p)
	i, ok := slices.BinarySearchFunc(list, desc.FD, func(x described, fd int32) int { return cmp.Compare(x.fd, fd) })
	if !ok {
		return 0, false, false
	}
	return list[i].at, stable, true
}

// describedOf returns the descriptors of a process, if a source told of them. stable says that
// the process has not run since, nor while they were read.
func (idx *Index) describedOf(p *model.Process) (list []described, stable bool) {
	if k := idx.Scan.scanner.cache[p.PID]; k != nil && k.ticks == p.StartTicks {
		return k.described, k.scan < idx.Scan.number
	}
	return idx.described[int32(p.PID)], false
}

// mayRun reports whether some holder of e whose descriptions are known by address has run since
// the last scan. Such a process may also have run while the kernel compared its descriptors.
func (d *descriptions) mayRun(e *Entry) bool {
	return d.idx.Scan.facts != nil && slices.ContainsFunc(e.Holders, func(h model.Holder) bool {
		return h.Via == model.ViaFD && d.idx.Since(h.PID) == d.idx.Scan.number
	})
}

// compareAgain has the next scan compare the descriptors of e anew.
func (e *Entry) compareAgain() {
	e.owned = true
	e.touch()
}

// sameAfterRun reports whether a process that has run has the same as before, with the same
// descriptions.
func (j *joined) sameAfterRun(s *emitted, r *result) bool {
	if r.cache == nil || s.cache == nil || len(s.cache.described) == 0 || !slices.Equal(s.cache.described, r.cache.described) ||
		len(s.stable)+len(s.holders) != len(r.out.holders) {
		return false
	}
	if j.seenHolders == nil {
		j.seenHolders = map[objectHolderKey]bool{}
	}
	seen := j.seenHolders
	clear(seen)
	own := 0 // index into the holders that are emitted in each scan
	for i := range r.out.holders {
		h := &r.out.holders[i]
		k := objectHolderKey{h.key, holderKeyOf(&h.holder)}
		if seen[k] {
			return false
		}
		seen[k] = true
		if !h.cached {
			if own == len(s.holders) || !holderRecord.equal(s.holders[own], *h) {
				return false
			}
			own++
		}
		if e := j.entries[h.key]; e == nil || !e.heldAs(&h.holder) {
			return false
		}
	}
	return own == len(s.holders)
}

// objectHolderKey names a holder of some object.
type objectHolderKey struct {
	key    Key
	holder holderKey
}

// heldAs reports whether e is known to have exactly this holder.
func (e *Entry) heldAs(h *model.Holder) bool {
	at := 0
	if !e.holdersChanged { // they are in order
		at, _ = slices.BinarySearchFunc(e.held, h.PID, func(o model.Holder, pid int32) int { return cmp.Compare(o.PID, pid) })
	}
	for ; at < len(e.held) && (e.holdersChanged || e.held[at].PID == h.PID); at++ {
		was := e.held[at]
		was.OFD = h.OFD // which is set only after the join
		if equalHolders(&was, h) {
			return true
		}
	}
	return false
}

// noteRun notes that a process has run and still has the same objects: their content may
// have changed, but not their holders.
func (j *joined) noteRun(s *emitted, r *result) {
	for _, e := range s.stable {
		e.freshIn = int32(j.number)
	}
	for i := range s.holders {
		s.holders[i].entry.freshIn = int32(j.number)
	}
	r.keepObjects(s.cache)
	s.cache = r.cache
}
