package graph

import (
	"strconv"
	"sync"

	"github.com/ipctop/ipctop/model"
)

// maxLockClauses is for how many owners of locks that are in the way it is asked who could
// make them give up: a wait that many must act for ends no sooner for the rest.
const maxLockClauses = 256

// lockTable is what is asked of the locks on an object for each thread that waits there.
type lockTable struct {
	owners  []int // of each lock, its owners' number: locks that the same processes hold are one clause
	count   int
	through [][]descriptor // of each flock or ofd lock that is held, the descriptors it is held through

	ofd      map[descriptor]model.OFD // descriptions that several descriptors share
	sharing  map[model.OFD][]descriptor
	inFlight bool // a descriptor of the object is

	othersHave func() bool // [Graph.othersHave] of the object, found out once
}

// lockTable makes the table of an object's locks, once.
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
