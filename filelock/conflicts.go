package filelock

import "sort"

// Any user can take very many locks on a file, and have very many threads wait there. So the
// conflicting locks of each waiter are looked up in an index instead of being searched among all
// locks. The amount that is listed is proportional to the number of locks; for a file with up to a
// thousand locks everything is listed.

const (
	// listedPerLock is how many locks may be looked at, for each lock on the file.
	listedPerLock = 256

	// heldPerLock is how many holders may be listed per lock, on average over a file, if that makes more
	// than heldAtLeast: many processes may share a description with many locks.
	heldPerLock = 16
	heldAtLeast = 100_000
)

// mostHolds is how many holders are listed for all locks on a file together.
func (f *lockedFile) mostHolds() int { return max(heldAtLeast, heldPerLock*len(f.locks)) }

// held has the locks on a file that are held, in the order in which they begin.
type held struct {
	runs  [lease + 1][2]run // by class: all, and those that exclude readers
	locks []record
}

// run is a list of locks, as indices into held.locks.
type run struct {
	at     []int
	maxEnd []int64 // the highest end among the locks up to this one
}

func newHeld(locks []record) *held {
	h := &held{locks: locks}
	for i := range locks {
		r := &locks[i]
		if r.waiting {
			continue
		}
		lists := h.runs[r.class][:1]
		if r.mode == "WRITE" {
			lists = h.runs[r.class][:]
		}
		for n := range lists {
			l := &lists[n]
			maxEnd := r.end
			if len(l.maxEnd) > 0 {
				maxEnd = max(maxEnd, l.maxEnd[len(l.maxEnd)-1])
			}
			l.at, l.maxEnd = append(l.at, i), append(l.maxEnd, maxEnd)
		}
	}
	return h
}

// conflicting returns the indices of the locks that r waits for, in their order. It looks at no
// more than most locks, and reports whether these are all.
func (h *held) conflicting(r *record, most int) (at []int, all bool) {
	classes := []class{r.class}
	if r.class == posix || r.class == ofd {
		classes = []class{posix, ofd}
	}
	which := 0
	if r.mode == "READ" && r.class != lease {
		which = 1
	}
	start, end := r.start, r.end
	if r.class == flock || r.class == lease {
		start, end = 0, eof // these locks are about the whole file
	}
	for _, c := range classes {
		l := &h.runs[c][which]
		from := len(at)
		i := sort.Search(len(l.at), func(i int) bool { return h.locks[l.at[i]].start > end }) - 1
		for ; i >= 0 && l.maxEnd[i] >= start; i-- {
			if most--; most < 0 {
				return at, false
			}
			if r.conflicts(&h.locks[l.at[i]]) {
				at = append(at, l.at[i])
			}
		}
		for a, b := from, len(at)-1; a < b; a, b = a+1, b-1 {
			at[a], at[b] = at[b], at[a]
		}
	}
	return at, true
}
