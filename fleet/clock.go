package fleet

import (
	"math"
	"time"

	"github.com/ipctop/ipctop/model"
)

// bounds are the limits of how far one clock is ahead of another, in ns: at least low, at most high.
type bounds struct {
	low, high   int64
	connections int
}

func unbounded() bounds { return bounds{low: math.MinInt64, high: math.MaxInt64} }

func (b bounds) known() bool { return b.connections > 0 && b.low <= b.high }

// reversed are the bounds for the opposite direction: the other clock against this one.
func (b bounds) reversed() bounds {
	r := bounds{low: math.MinInt64, high: math.MaxInt64, connections: b.connections}
	if b.high != math.MaxInt64 {
		r.low = -b.high
	}
	if b.low != math.MinInt64 {
		r.high = -b.low
	}
	return r
}

// plus are the bounds against a third clock, from the bounds of two pairs.
func (b bounds) plus(c bounds) bounds {
	sum := bounds{low: math.MinInt64, high: math.MaxInt64, connections: min(b.connections, c.connections)}
	if b.low != math.MinInt64 && c.low != math.MinInt64 {
		sum.low = b.low + c.low
	}
	if b.high != math.MaxInt64 && c.high != math.MaxInt64 {
		sum.high = b.high + c.high
	}
	return sum
}

// tick is the resolution of the times at which a socket last sent and received: a jiffy at 100 Hz.
const tick = int64(10 * time.Millisecond)

// compareClocks records how far each host's clock is ahead of the first host's.
func compareClocks(s *model.Snapshot, pairs []pair) {
	between := map[[2]int]bounds{} // clock of the second host against the first
	for _, p := range pairs {
		key := [2]int{p.a.host, p.b.host}
		b, ok := between[key]
		if !ok {
			b = unbounded()
		}
		between[key] = b.narrow(&s.Hosts[p.a.host], &s.Hosts[p.b.host], p)
	}
	// Go from the first host to the others, along pairs of hosts whose clocks could be compared.
	against := make([]bounds, len(s.Hosts))
	for reached := []int{0}; len(reached) > 0; reached = reached[1:] {
		from := reached[0]
		for to := 1; to < len(s.Hosts); to++ {
			b := between[[2]int{from, to}]
			if from > to {
				b = between[[2]int{to, from}].reversed()
			}
			if !b.known() || to == from || against[to].connections > 0 {
				continue
			}
			if from != 0 {
				b = against[from].plus(b)
			}
			against[to] = b
			reached = append(reached, to)
		}
	}
	for i := range against {
		if b := against[i]; i > 0 && b.known() && (b.low != math.MinInt64 || b.high != math.MaxInt64) {
			c := &model.Clock{Against: s.Hosts[0].Name, Connections: b.connections}
			if b.low != math.MinInt64 {
				c.AheadMin = model.Some(b.low)
			}
			if b.high != math.MaxInt64 {
				c.AheadMax = model.Some(b.high)
			}
			s.Hosts[i].Clock = c
		}
	}
}

// narrow narrows the bounds by what one connection shows. If nothing moved on the connection
// between the two scans, the last segment that one end sent is the last that the other received.
func (b bounds) narrow(hostA, hostB *model.HostSnapshot, p pair) bounds {
	da, ok1 := p.a.object.Detail.(*model.InetDetail)
	db, ok2 := p.b.object.Detail.(*model.InetDetail)
	if !ok1 || !ok2 || !quiet(da, db) || !quiet(db, da) {
		return b
	}
	// The tables are read at an unknown time during the scan: the bounds allow for all of it.
	told := false
	if sent, ok := da.LastSend.Get(); ok && db.LastRecv.Known() {
		latest := hostB.Taken.UnixNano() + hostB.Scan.Duration - db.LastRecv.Or(0)
		b.high, told = min(b.high, latest-(hostA.Taken.UnixNano()-sent)+2*tick), true
	}
	if sent, ok := db.LastSend.Get(); ok && da.LastRecv.Known() {
		latest := hostA.Taken.UnixNano() + hostA.Scan.Duration - da.LastRecv.Or(0)
		b.low, told = max(b.low, hostB.Taken.UnixNano()-sent-latest-2*tick), true
	}
	if told {
		b.connections++
	}
	return b
}

// quiet reports whether the other end had received all that one end sent, and nothing more,
// when it was scanned.
func quiet(from, to *model.InetDetail) bool {
	acked, ok1 := from.BytesAcked.Get()
	received, ok2 := to.BytesReceived.Get()
	queued, ok3 := from.SendQueue.Get()
	// For the end that connected, the acknowledged bytes may include its SYN.
	return ok1 && ok2 && ok3 && queued == 0 && (acked == received || acked == received+1) && from.State == "ESTAB" && to.State == "ESTAB"
}
