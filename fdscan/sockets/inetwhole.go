package sockets

import (
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// inetWhole is a table as it was read, to make it again while nothing has changed but times that
// the kernel tells as so long ago.
type inetWhole struct {
	stamp probe.Stamp
	at    time.Time
	ends  []inetEnd
	timed bool // some times are told
}

// keepWhole keeps a table that has a stamp.
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

// takeOver emits a table that has the stamp that it had when it was read. It reports false if it
// is not kept.
func (k *inetKept) takeOver(f *inetFamily, ns probe.NS, stamp probe.Stamp, out *probe.Collector) bool {
	k.mu.Lock()
	w := k.whole[inetTableKey{f, ns.Inode}]
	k.mu.Unlock()
	if w.stamp != stamp {
		return false
	}
	if !w.timed {
		out.TakeOver()
		out.Backend(string(f.kind), "inet_diag")
		return true
	}
	passed := time.Since(w.at).Truncate(time.Millisecond) // as exact as the kernel tells it
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

// timed reports whether something is told of the socket that changes while time passes.
func (s *inetSock) timed() bool {
	return s.lastRecv.Known() || s.lastSend.Known() || s.timerExpires.Known()
}

// age makes of what was told what is told when some time has passed.
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
