package render

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

var trafficColumns = []Column[model.Traffic]{
	narrow(textColumn("OBJECT", "the object", func(t *model.Traffic) string { return t.Object })),
	narrow(textColumn("KIND", "its mechanism", func(t *model.Traffic) string { return string(t.Kind) })),
	rateColumn("SENT/S", "bytes a second that its holders sent or wrote", func(t *model.Traffic) optInt { return bytesOf(t.Sent) }, true),
	rateColumn("RECV/S", "bytes a second that they received or read", func(t *model.Traffic) optInt { return bytesOf(t.Received) }, true),
	rateColumn("CALLS/S", "calls a second in both directions", func(t *model.Traffic) optInt { return callsOf(t) }, false),
	{
		Name: "PEERS", Doc: "who sends to whom; if that is not known, who uses it", Flex: true,
		Text: func(v *View, t *model.Traffic) Cell { return Cell{Text: v.TrafficPeers(t)} },
	},
}

// rateOfColumn shows the traffic of an object if that was measured.
var rateOfColumn = Column[model.Object]{
	Name: "RATE", Doc: "bytes per second, sent and received; calls per second if it carries no bytes (--rates)", Right: true,
	Key:  func(v *View, o *model.Object) Key { n, _ := v.rateOf(o); return OptKey(n) },
	Text: func(v *View, o *model.Object) Cell { return Cell{Text: v.RateText(o)} },
}

// countable are the kinds whose traffic is counted.
var countable = []model.Kind{
	model.Pipe, model.FIFO, model.Unix, model.TCP, model.UDP, model.Raw, model.ICMP, model.Packet, model.Netlink, model.Vsock, model.Socket,
	model.Pty, model.SysvMsg, model.SysvSem, model.PosixMq, model.Eventfd, model.Futex,
}

// HasRates reports whether the traffic of a kind's objects can be measured.
func HasRates(k model.Kind) bool { return slices.Contains(countable, k) }

// rateOf returns an object's traffic per second: bytes, or calls if it carries no bytes. It
// is unknown if it was not measured.
func (v *View) rateOf(o *model.Object) (n optInt, bytes bool) {
	if v.traffic == nil || !HasRates(o.Kind) {
		return optInt{}, false
	}
	t := v.traffic[o.ID]
	if t == nil {
		if r := v.snap.Scan.Rates; r == nil || r.Source != model.RatesCounted {
			return optInt{}, false // for example of another host, where nothing was measured
		}
		return model.Some(int64(0)), true
	}
	return t.Rate()
}

// Rate returns how much goes through an object per second, in bytes or in calls; unknown if
// it was not measured.
func (v *View) Rate(o *model.Object) model.Opt[int64] {
	n, _ := v.rateOf(o)
	return n
}

// thickness returns the attribute for the width of an edge in the graph: one point, plus one for
// each factor of ten above one KiB (or one call) per second; "" if nothing was measured.
func (v *View) thickness(object string) string {
	t := v.traffic[object]
	if t == nil {
		return ""
	}
	n, bytes := t.Rate()
	rate := float64(n.Or(0))
	if bytes {
		rate /= 1 << 10
	}
	return fmt.Sprintf(", penwidth=%.1f", 1+math.Log10(max(rate, 1)))
}

// RateText says how much goes through an object; "" if it was not measured.
func (v *View) RateText(o *model.Object) string {
	n, bytes := v.rateOf(o)
	text := rateText(n, bytes)
	if t := v.traffic[o.ID]; t != nil && t.AtLeast() && text != "" {
		text += atLeast
	}
	return text
}

// atLeast is appended to a rate if the real one may be higher.
const atLeast = "+"

func rateText(rate optInt, bytes bool) string {
	n, ok := rate.Get()
	switch {
	case !ok:
		return ""
	case n == 0:
		return "0"
	case bytes:
		return Size(n) + "/s"
	}
	return count(n) + " calls/s"
}

func rateColumn(name, doc string, get func(*model.Traffic) optInt, bytes bool) Column[model.Traffic] {
	return Column[model.Traffic]{
		Name: name, Doc: doc, Right: true,
		Key: func(_ *View, t *model.Traffic) Key { return OptKey(get(t)) },
		Text: func(_ *View, t *model.Traffic) Cell {
			n, ok := get(t).Get()
			if !ok {
				return Cell{}
			}
			more := ""
			if t.AtLeast() {
				more = atLeast
			}
			if bytes {
				return Cell{Text: Size(n) + more}
			}
			return Cell{Text: count(n) + more}
		},
	}
}

// bytesOf returns the bytes in one direction; unknown if there were none or bytes are not
// counted.
func bytesOf(f *model.Flow) optInt {
	if f == nil {
		return optInt{}
	}
	return f.BytesPerSecond
}

func callsOf(t *model.Traffic) optInt {
	var sum optInt
	for _, f := range []*model.Flow{t.Sent, t.Received} {
		if f != nil && f.CallsPerSecond.Known() {
			sum = model.Some(sum.Or(0) + f.CallsPerSecond.Or(0))
		}
	}
	return sum
}

// TrafficPeers names who sends to whom.
func (v *View) TrafficPeers(t *model.Traffic) string {
	var texts []string
	for i := range t.Pairs {
		p := &t.Pairs[i]
		texts = append(texts, v.trafficParty(p.From, p.FromComm)+" "+v.glyph.to+" "+v.trafficParty(p.To, p.ToComm))
	}
	if len(texts) == 0 {
		for i := range t.Processes {
			texts = append(texts, v.trafficParty(t.Processes[i].PID, t.Processes[i].Comm))
		}
	}
	return strings.Join(texts, ", ")
}

func (v *View) trafficParty(pid int, comm string) string {
	return v.parties([]party{{pid, v.nameOf(pid, comm), 1}})
}
