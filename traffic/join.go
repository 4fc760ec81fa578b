package traffic

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
)

// AddTo adds to a snapshot what went through its objects.
func (s *Sample) AddTo(snap *model.Snapshot) {
	report := &model.RatesReport{
		Duration: int64(s.Duration), Source: model.RatesCounted, IOUring: s.requests, Functions: s.functions, Lost: int64(s.lost), Hidden: int64(s.hidden), Cost: s.cost,
	}
	found := newFinder(snap)
	parts := map[*model.Object][]part{}
	var unknown amount
	for c, n := range s.flows {
		p := snap.Process(c.pid)
		if p != nil && p.StartTicks == c.start {
			if snap.Own(p) {
				continue
			}
			c.comm = p.Comm
		}
		switch o := found.object(&c); {
		case o != nil:
			parts[o] = append(parts[o], part{c, n})
		case c.kind != bpf.FutexWord: // futexes on which no thread waits are not objects
			unknown.add(n)
		}
	}
	report.UnknownBytes, report.UnknownCalls = int64(unknown.sentBytes+unknown.receivedBytes), int64(unknown.sentCalls+unknown.receivedCalls)
	snap.Scan.Rates = report
	snap.Traffic = make([]model.Traffic, 0, len(parts))
	for o := range maps.Keys(parts) {
		slices.SortFunc(parts[o], func(a, b part) int {
			return cmp.Or(cmp.Compare(a.pid, b.pid), cmp.Compare(a.start, b.start), cmp.Compare(a.kind, b.kind))
		})
	}
	for o, list := range parts {
		snap.Traffic = append(snap.Traffic, s.traffic(o, list, parts, found))
	}
	slices.SortFunc(snap.Traffic, model.CompareTraffic)
}

// part is the share of one process in an object's traffic.
type part struct {
	channel
	amount
}

func (s *Sample) traffic(o *model.Object, list []part, all map[*model.Object][]part, found *finder) model.Traffic {
	t := model.Traffic{Object: o.ID, Kind: o.Kind, Processes: []model.ProcessTraffic{}, Pairs: []model.PairTraffic{}}
	var sum amount
	for _, p := range list {
		sum.add(p.amount)
		pt := model.ProcessTraffic{PID: p.pid, Comm: p.comm}
		pt.Sent, pt.Received = s.both(o.Kind, p.amount)
		t.Processes = append(t.Processes, pt)
	}
	t.Sent, t.Received = s.both(o.Kind, sum)
	switch o.Kind {
	case model.SysvSem, model.Futex: // the counts do not say which process wakes which
	case model.Pty:
		masters, slaves := divide(list)
		t.Pairs = append(s.pairs(t.Pairs, o.Kind, masters, slaves), s.pairs(nil, o.Kind, slaves, masters)...)
	default:
		receivers := list
		if len(o.Peers) == 1 {
			receivers = all[found.ids[o.Peers[0].ID]]
		} else if len(o.Peers) > 1 || o.Kind.IsSocket() {
			receivers = nil
		}
		t.Pairs = s.pairs(t.Pairs, o.Kind, list, receivers)
	}
	return t
}

// divide separates the two ends of a pseudoterminal.
func divide(list []part) (masters, slaves []part) {
	for _, p := range list {
		if p.kind == bpf.TerminalMaster {
			masters = append(masters, p)
		} else {
			slaves = append(slaves, p)
		}
	}
	return masters, slaves
}

// pairs says which process sent to which, as far as that is certain: there must be only one
// sender or only one receiver.
func (s *Sample) pairs(to []model.PairTraffic, kind model.Kind, from, into []part) []model.PairTraffic {
	senders := slices.DeleteFunc(slices.Clone(from), func(p part) bool { return p.sentCalls == 0 })
	receivers := slices.DeleteFunc(slices.Clone(into), func(p part) bool { return p.receivedCalls == 0 })
	add := func(a, b part, bytes, calls uint64) {
		f := s.flow(kind, bytes, calls)
		to = append(to, model.PairTraffic{From: a.pid, FromComm: a.comm, To: b.pid, ToComm: b.comm, BytesPerSecond: f.BytesPerSecond, CallsPerSecond: f.CallsPerSecond})
	}
	switch {
	case len(receivers) == 1:
		for _, p := range senders {
			add(p, receivers[0], p.sentBytes, p.sentCalls)
		}
	case len(senders) == 1:
		for _, p := range receivers {
			add(senders[0], p, p.receivedBytes, p.receivedCalls)
		}
	}
	return to
}

// both makes the flows of both directions; nil where there were no calls.
func (s *Sample) both(kind model.Kind, n amount) (sent, received *model.Flow) {
	if n.sentCalls > 0 {
		sent = s.flow(kind, n.sentBytes, n.sentCalls)
	}
	if n.receivedCalls > 0 {
		received = s.flow(kind, n.receivedBytes, n.receivedCalls)
	}
	return sent, received
}

func (s *Sample) flow(kind model.Kind, bytes, calls uint64) *model.Flow {
	f := &model.Flow{Calls: model.Some(int64(calls))}
	if kind != model.Eventfd && kind != model.SysvSem && kind != model.Futex {
		f.Bytes = model.Some(int64(bytes))
	}
	s.perSecond(f)
	return f
}

func (s *Sample) perSecond(f *model.Flow) {
	rate := func(n model.Opt[int64]) model.Opt[int64] {
		v, ok := n.Get()
		if !ok || s.Duration <= 0 {
			return model.Opt[int64]{}
		}
		return model.Some(int64(math.Round(float64(v) / (float64(s.Duration) / float64(time.Second)))))
	}
	f.BytesPerSecond, f.CallsPerSecond = rate(f.Bytes), rate(f.Calls)
}

// finder finds the object of a channel.
type finder struct {
	ids     map[string]*model.Object
	sockets map[uint64]*model.Object
	futexes map[word]*model.Object
	ipc     uint64 // ipctop's own IPC namespace
}

// word is an address in a process.
type word struct {
	pid     int
	address uint64
}

func newFinder(snap *model.Snapshot) *finder {
	f := &finder{map[string]*model.Object{}, map[uint64]*model.Object{}, map[word]*model.Object{}, snap.Host.Namespaces["ipc"]}
	for _, o := range snap.Objects {
		f.ids[o.ID] = o
		if o.Kind.IsSocket() {
			f.sockets[uint64(o.Ino)] = o
		}
	}
	for i := range snap.Waits {
		w := &snap.Waits[i]
		if o := f.ids[w.Object]; o != nil && o.Kind == model.Futex && w.Target != nil {
			f.futexes[word{w.PID, uint64(w.Target.Address)}] = o
		}
	}
	return f
}

// object is the snapshot's object for a channel, nil if there is none.
func (f *finder) object(c *channel) *model.Object {
	number := strconv.FormatUint(c.num, 10)
	switch c.kind {
	case bpf.FileChannel:
		const typeMask, fifo, socket = 0o170000, 0o010000, 0o140000
		place := deviceString(c.scope) + ":" + number
		switch c.mode & typeMask {
		case socket:
			return f.sockets[c.num]
		case fifo:
			if o := f.ids[string(model.FIFO)+":"+place]; o != nil {
				return o
			}
			return f.ids[string(model.Pipe)+":"+number]
		}
	case bpf.PosixQueue:
		return f.ids[string(model.PosixMq)+":"+deviceString(c.scope)+":"+number]
	case bpf.TerminalMaster, bpf.TerminalSlave:
		return f.ids[string(model.Pty)+":"+deviceString(c.scope)+":"+number]
	case bpf.EventfdChannel:
		return f.ids[string(model.Eventfd)+":"+number]
	case bpf.SysVQueue, bpf.SysVSemaphores:
		kind := model.SysvMsg
		if c.kind == bpf.SysVSemaphores {
			kind = model.SysvSem
		}
		id := string(kind) + ":" + number
		if c.scope != f.ipc {
			id += "@" + strconv.FormatUint(c.scope, 10)
		}
		return f.ids[id]
	case bpf.FutexWord:
		return f.futexes[word{c.pid, c.num}]
	}
	return nil
}

// deviceString writes a packed device number in the form that ids have.
func deviceString(dev uint64) string {
	return strconv.FormatUint(dev>>32, 10) + ":" + strconv.FormatUint(uint64(uint32(dev)), 10)
}
