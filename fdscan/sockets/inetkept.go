package sockets

import (
	"sync"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// inetKept has the sockets of each network namespace from the last scan. If the kernel
// says the same of a socket, its object is used again, which shows the scan that
// nothing has changed.
type inetKept struct {
	mu     sync.Mutex
	tables map[inetTableKey][]*inetFound
	whole  map[inetTableKey]inetWhole // of the tables that have stamps
}

// inetTableKey names the table of a protocol in a network namespace.
type inetTableKey struct {
	family *inetFamily
	ns     uint64
}

// inetFound is a socket that was listed, with the object made from it.
type inetFound struct {
	sock   inetSock
	object *model.Object
}

// get returns the sockets of the last scan, in the kernel's order.
func (k *inetKept) get(f *inetFamily, ns probe.NS) []*inetFound {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tables[inetTableKey{f, ns.Inode}]
}

// put keeps the sockets for the next scan. Once there are as many namespaces as
// allowed, those that are no longer scanned are dropped.
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

// newInetTable makes a table with room for as much as it had in the last scan.
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

// tally identifies the sockets in the table.
func (t *inetTable) tally() (tally probe.Tally) {
	for i := range t.ends {
		tally.Add(t.ends[i].ino)
	}
	return tally
}

// keepAhead is how many sockets of the last scan are searched ahead for a socket.
const keepAhead = 64

// kept returns the record of the last scan for a socket that has not changed; nil if it
// has changed, or is not found.
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
