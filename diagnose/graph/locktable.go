package graph

import (
	"strconv"
	"sync"

	"github.com/ipctop/ipctop/model"
)

// maxLockClauses is the largest number of lock owners for which clauses are made. All owners must
// act before the wait ends, so further clauses change little.
const maxLockClauses = 256

// lockTable is what is known about the locks on an object, computed once for all threads that wait there.
type lockTable struct {
	owners  []int          // by lock: the number of its set of owners; locks with the same owners become one clause
	count   int            // of sets of owners
	through [][]descriptor // by lock: the descriptors through which it is held, for flock and OFD locks

	ofd      map[descriptor]model.OFD // descriptions that several descriptors share
	sharing  map[model.OFD][]descriptor
	inFlight bool // a descriptor of the object is in flight

	othersHave func() bool // [Graph.othersHave] of the object, cached
}

// lockTable returns the table of an object's locks, which is cached.
func (g *Graph) lockTable(o *model.Object, locks []model.Lock) *lockTable {
	if t := g.lockTables[o.ID]; t != nil {
		return t
	}
	t := &lockTable{owners: make([]int, len(locks)), through: make([][]descriptor, len(locks))}
	t.ofd, t.sharing = map[descriptor]model.OFD{}, map[model.OFD][]descriptor{}
	for i := range o.Holders {
		h := &o.Holders[i]
		t.inFlight = t.inFlight || h.Via == model.ViaInFlight
		if d := descriptorOf(h); h.Via == model.ViaFD && h.OFD != (model.OFD{}) {
			t.ofd[d], t.sharing[h.OFD] = h.OFD, append(t.sharing[h.OFD], d)
		}
	}
	through, numbers := lockDescriptors(o), map[string]int{}
	var key []byte
	for i := range locks {
		held := &locks[i]
		if held.Blocked {
			continue
		}
		if held.Type == "flock" || held.Type == "ofd" {
			t.through[i] = through.of(held)
		}
		key = strconv.AppendInt(append(append(key[:0], held.Type...), ' '), int64(held.PID.Or(0)), 10)
		for _, pid := range lockHolders(held) {
			key = strconv.AppendInt(append(key, ' '), int64(pid), 10)
		}
		n, ok := numbers[string(key)]
		if !ok {
			n = len(numbers)
			numbers[string(key)] = n
		}
		t.owners[i] = n
	}
	t.count = len(numbers)
	t.othersHave = sync.OnceValue(func() bool { return g.othersHave(o) })
	g.lockTables[o.ID] = t
	return t
}
