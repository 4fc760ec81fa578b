package probe

import (
	"cmp"
	"slices"

	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
)

// A source tells of each descriptor where its open file description is in the kernel's memory.
// As long as a process does not run it keeps its descriptions, so that nobody else's can get to be
// there: two descriptors of which one was so kept are one description if they are at one place.
// So what was told of a process is kept with what is cached of it, and a process that has run
// and has the same descriptors, with descriptions at the same places, shares with all others
// what it shared.

// described is a descriptor with where its description is.
type described struct {
	fd int32
	at uint64
}

// find tells where the description of a descriptor is, as the source told. still says that nobody
// can have changed that since before all that was read in this scan.
func (d *descriptions) find(desc kcmp.Descriptor) (at uint64, still, known bool) {
	s := d.idx.Scan
	p := d.idx.Processes[desc.Task]
	switch f := s.facts; {
	case f == nil:
		return 0, false, false
	case f.whole:
		x, still := f.find(desc)
		if x == nil || p != nil && f.task(desc.Task).ticks != p.StartTicks {
			return 0, false, false
		}
		return x.description, still, true
	case p == nil: // a thread that has descriptors of its own
		return 0, false, false
	}
	list, still := d.idx.describedOf(p)
	i, ok := slices.BinarySearchFunc(list, desc.FD, func(x described, fd int32) int { return cmp.Compare(x.fd, fd) })
	if !ok {
		return 0, false, false
	}
	return list[i].at, still, true
}

// describedOf are the descriptors of a process, if a source told of them. still says that it has
// not run since, nor while they were read.
func (idx *Index) describedOf(p *model.Process) (list []described, still bool) {
	if k := idx.Scan.scanner.cache[p.PID]; k != nil && k.ticks == p.StartTicks {
		return k.described, k.scan < idx.Scan.number
	}
	return idx.described[int32(p.PID)], false
}

// mayRun reports whether some process that has e, and that is looked at by where its descriptions
// are, has run since the last scan, and so may have while the kernel compared its descriptors.
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

// hasAgain reports whether a process that has run has what it had, with the same descriptions.
func (j *joined) hasAgain(s *emitted, r *result) bool {
	if r.cache == nil || s.cache == nil || len(s.cache.described) == 0 || !slices.Equal(s.cache.described, r.cache.described) ||
		len(s.stable)+len(s.holders) != len(r.out.holders) {
		return false
	}
	if j.again == nil {
		j.again = map[keyHold]bool{}
	}
	seen := j.again
	clear(seen)
	own := 0 // of those that are emitted in each scan
	for i := range r.out.holders {
		h := &r.out.holders[i]
		k := keyHold{h.key, holdOf(&h.holder)}
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

// keyHold names a holder of some object.
type keyHold struct {
	key  Key
	hold hold
}

// heldAs reports whether a process is known to have e just so.
func (e *Entry) heldAs(h *model.Holder) bool {
	at := 0
	if !e.stale { // they are in order
		at, _ = slices.BinarySearchFunc(e.held, h.PID, func(o model.Holder, pid int32) int { return cmp.Compare(o.PID, pid) })
	}
	for ; at < len(e.held) && (e.stale || e.held[at].PID == h.PID); at++ {
		was := e.held[at]
		was.OFD = h.OFD // which is found out after the join
		if equalHolders(&was, h) {
			return true
		}
	}
	return false
}

// ranAgain takes in that a process has run and has what it had: all of it may be otherwise
// than it was, but who has it is the same.
func (j *joined) ranAgain(s *emitted, r *result) {
	for _, e := range s.stable {
		e.freshIn = int32(j.number)
	}
	for i := range s.holders {
		s.holders[i].entry.freshIn = int32(j.number)
	}
	r.keepObjects(s.cache)
	s.cache = r.cache
}
