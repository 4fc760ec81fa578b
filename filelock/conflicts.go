package filelock

import "sort"

// Anybody can take very many locks on a file, and have very many wait there. What stands in
// the way of each is looked up, not sought among all, and so much is listed as is in proportion to
// the number of locks: all of it where a file has up to a thousand.

const (
	// listedPerLock is how many locks may be looked at, for each on a file.
	listedPerLock = 256

	// heldPerLock is how many processes may be told to hold a lock, on the average of a
	// file where that makes more than heldAtLeast: a description with many locks may be many processes'.
	heldPerLock = 16
	heldAtLeast = 100_000
)

// mostHolds is how many processes are told to hold the locks on a file, all taken together.
func (f *lockedFile) mostHolds() int { return max(heldAtLeast, heldPerLock*len(f.locks)) }

// held are the locks on a file that are held, in the order in which they begin.
type held struct {
	runs  [lease + 1][2]run // by class: all, and those that exclude readers
	locks []record
}

// run are some of the locks, by their places.
type run struct {
	at  []int
	far []int64 // how far those up to here reach
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
			far := r.end
			if len(l.far) > 0 {
				far = max(far, l.far[len(l.far)-1])
			}
			l.at, l.far = append(l.at, i), append(l.far, far)
		}
	}
	return h
}

// inTheWay are the places of the locks that r waits for, in their order. It looks at no more
// than most, and reports whether these are all.
func (h *held) inTheWay(r *record, most int) (at []int, all bool) {
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
		start, end = 0, eof // they are about the whole file
	}
	for _, c := range classes {
		l := &h.runs[c][which]
		from := len(at)
		i := sort.Search(len(l.at), func(i int) bool { return h.locks[l.at[i]].start > end }) - 1
		for ; i >= 0 && l.far[i] >= start; i-- {
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
