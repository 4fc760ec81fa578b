package sockets

import (
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// inetWhole is a table as it was read. It can be emitted again while nothing has changed except
// times that the kernel gives relative to now.
type inetWhole struct {
	stamp probe.Stamp
	at    time.Time
	ends  []inetEnd
	timed bool // it has such times
}

// keepWhole keeps a table together with its stamp.
func (k *inetKept) keepWhole(t *inetTable, stamp probe.Stamp, at time.Time) {
	w := inetWhole{stamp: stamp, at: at}
	for _, f := range t.found {
		w.timed = w.timed || f.sock.timed()
	}
	if w.timed {
		w.ends = t.ends
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.whole == nil || len(k.whole) >= maxKnown {
		k.whole = map[inetTableKey]inetWhole{}
	}
	k.whole[inetTableKey{t.family, t.ns.Inode}] = w
}

// takeOver emits the kept table if it has this stamp. It reports false if there is no such
// table.
func (k *inetKept) takeOver(f *inetFamily, ns probe.NS, stamp probe.Stamp, out *probe.Collector) bool {
	k.mu.Lock()
	w := k.whole[inetTableKey{f, ns.Inode}]
	k.mu.Unlock()
	if w.stamp != stamp {
		return false
	}
	if !w.timed {
		out.KeepTable()
		out.Backend(string(f.kind), "inet_diag")
		return true
	}
	passed := time.Since(w.at).Truncate(time.Millisecond) // with the kernel's precision
	t := newInetTable(f, ns, k, nil)
	t.ends = w.ends
	for _, was := range t.before {
		now := was
		if was.sock.timed() {
			s := was.sock
			s.age(passed)
			now = &inetFound{s, t.object(&s)}
		}
		t.objects, t.found = append(t.objects, now.object), append(t.found, now)
	}
	t.emit("inet_diag", out)
	k.put(f, ns, t.found)
	k.keepWhole(&t, stamp, w.at.Add(passed))
	out.SetStamp(stamp, t.tally())
	return true
}

// timed reports whether the socket has values that change as time passes.
func (s *inetSock) timed() bool {
	return s.lastRecv.Known() || s.lastSend.Known() || s.timerExpires.Known()
}

// age adjusts such values to the time that has passed.
func (s *inetSock) age(passed time.Duration) {
	add := func(to *model.Opt[int64], d time.Duration) {
		if n, known := to.Get(); known {
			*to = model.Some(max(n+int64(d), 0))
		}
	}
	add(&s.lastRecv, passed)
	add(&s.lastSend, passed)
	add(&s.timerExpires, -passed)
}
