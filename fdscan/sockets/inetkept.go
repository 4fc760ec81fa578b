package sockets

import (
	"sync"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// inetKept is what the sockets of each network namespace were in the last scan. One of
// which the kernel says the same is not made anew, and by that the scan knows that
// nothing of it has changed.
type inetKept struct {
	mu     sync.Mutex
	tables map[inetTableKey][]*inetFound
	whole  map[inetTableKey]inetWhole // of those that have stamps
}

// inetTableKey names the table of a protocol in a network namespace.
type inetTableKey struct {
	family *inetFamily
	ns     uint64
}

// inetFound is a socket that was listed, and what was made of that.
type inetFound struct {
	sock   inetSock
	object *model.Object
}

// get is what was found in the last scan, in the order in which the kernel listed it.
func (k *inetKept) get(f *inetFamily, ns probe.NS) []*inetFound {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tables[inetTableKey{f, ns.Inode}]
}

// put keeps what was found for the next scan. Namespaces that are not looked into any
// more are forgotten, once there are as many as there may be.
func (k *inetKept) put(f *inetFamily, ns probe.NS, found []*inetFound) {
	if !ns.Scan.Repeated() {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tables == nil || len(k.tables) >= maxKnown {
		k.tables = map[inetTableKey][]*inetFound{}
	}
	k.tables[inetTableKey{f, ns.Inode}] = found
}

// newInetTable has room for what the table had in the last scan.
func newInetTable(f *inetFamily, ns probe.NS, kept *inetKept, known map[uint64]bool) inetTable {
	t := inetTable{family: f, ns: ns, known: known, keeps: ns.Scan.Repeated(), before: kept.get(f, ns)}
	if n := len(t.before); n > 0 {
		n += n / 16
		t.objects, t.found = make([]*model.Object, 0, n), make([]*inetFound, 0, n)
		if f.match != nil {
			t.ends = make([]inetEnd, 0, n)
		}
	}
	return t
}

// tally is which sockets the table has.
func (t *inetTable) tally() (tally probe.Tally) {
	for i := range t.ends {
		tally.Add(t.ends[i].ino)
	}
	return tally
}

// keepAhead is how far ahead it is looked for a socket among those of the last scan.
const keepAhead = 64

// kept is what was found of a socket that is as it was in the last scan; nil if it is not,
// or that is not known.
func (t *inetTable) kept(s *inetSock) *inetFound {
	for i := t.next; i < min(len(t.before), t.next+keepAhead); i++ {
		if t.before[i].sock.ino != s.ino {
			continue
		}
		t.next = i + 1
		if t.before[i].sock == *s {
			return t.before[i]
		}
		return nil
	}
	return nil
}
