package filelock

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The lookup gives the same result as comparing each lock with every other one.
func TestInTheWay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		locks := make([]record, 1+random.IntN(40))
		for i := range locks {
			r := &locks[i]
			r.class, r.mode, r.waiting = class(random.IntN(4)), []string{"READ", "WRITE"}[random.IntN(2)], random.IntN(3) == 0
			r.pid, r.start, r.end = 1+random.IntN(4), int64(random.IntN(30)), eof
			if random.IntN(3) > 0 {
				r.end = r.start + int64(random.IntN(10))
			}
			if r.class == flock || r.class == lease {
				r.start, r.end = 0, eof
			}
		}
		slices.SortStableFunc(locks, compareRecords)
		h := newHeld(locks)
		for i := range locks {
			if !locks[i].waiting {
				continue
			}
			var want []int
			for k := range locks {
				if !locks[k].waiting && locks[i].conflicts(&locks[k]) {
					want = append(want, k)
				}
			}
			if got, all := h.conflicting(&locks[i], len(locks)); !all || !slices.Equal(got, want) {
				t.Fatalf("%+v waits for %v, not %v, of %+v", locks[i], got, want, locks)
			}
			if got, all := h.conflicting(&locks[i], 2); len(got) > 2 || all && !slices.Equal(got, want) {
				t.Fatalf("of what is in the way only a part was to be listed: %v, all %v", got, all)
			}
		}
	}
}

// A lock that waits for a few of very many locks looks only at those.
func TestInTheWayOfVeryMany(t *testing.T) {
	var locks []record
	for i := range 10000 {
		locks = append(locks, record{class: posix, mode: "WRITE", pid: 1, start: int64(2 * i), end: int64(2 * i)})
	}
	h := newHeld(locks)
	got, all := h.conflicting(&record{class: ofd, mode: "READ", pid: -1, start: 5000, end: 5003}, 3)
	if !all || !slices.Equal(got, []int{2500, 2501}) {
		t.Errorf("%v, all %v", got, all)
	}
}
