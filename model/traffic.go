package model

import "cmp"

// RatesReport says how the traffic of a snapshot was measured.
type RatesReport struct {
	Duration int64  `json:"duration_ns" unit:"ns" doc:"how long it was measured, just before the scan"`
	Source   string `json:"source" doc:"bpf: counted when calls return; counters: differences of the kernel's own counters, of few mechanisms"`
	IOUring  bool   `json:"io_uring" doc:"whether transfers by io_uring were counted"`
	// Functions is false also where nothing was counted.
	Functions bool  `json:"functions,omitzero" doc:"counted in the kernel functions that transfer data, not at the end of every system call, so that other calls are no slower"`
	Lost      int64 `json:"lost,omitzero" doc:"calls that were not counted, since counting began: there were too many channels, or the program was already running on that processor and the kernel skipped it"`
	Hidden    int64 `json:"hidden,omitzero" doc:"calls of 32-bit programs that do not show what they transfer (socketcall, ipc), since counting began"`

	Cost Opt[Ratio] `json:"cost,omitzero" doc:"share of all processors' time that the counting programs used, 0 to 1, measured briefly; without the cost of calling them"`

	// The traffic of channels that no longer existed when the scan was made.
	UnknownBytes int64 `json:"unknown_bytes,omitzero" unit:"bytes" doc:"bytes that went through channels that are not in the snapshot because they no longer existed"`
	UnknownCalls int64 `json:"unknown_calls,omitzero" doc:"the calls"`
}

// The sources of traffic.
const (
	RatesCounted  = "bpf"
	RatesCounters = "counters"
)

// Traffic is the measured traffic of an object.
type Traffic struct {
	Object    string           `json:"object" ref:"object" doc:"the object"`
	Kind      Kind             `json:"kind" doc:"its mechanism"`
	Sent      *Flow            `json:"sent,omitzero" doc:"what its holders sent or wrote; for semaphores every operation, for futexes the wake-ups"`
	Received  *Flow            `json:"received,omitzero" doc:"what its holders received or read; for futexes the number of waits"`
	Processes []ProcessTraffic `json:"processes" doc:"by process; empty where the kernel's counters do not tell"`
	Pairs     []PairTraffic    `json:"pairs" doc:"from whom to whom, if there is only one sender or one receiver"`
}

// Flow is the amount in one direction. Mechanisms that carry no bytes have only calls, and
// some counters of the kernel have only bytes.
type Flow struct {
	Bytes          Opt[int64] `json:"bytes,omitzero" unit:"bytes" doc:"bytes in the measured time"`
	BytesPerSecond Opt[int64] `json:"bytes_per_second,omitzero" unit:"bytes" doc:"the same for a second, rounded"`
	Calls          Opt[int64] `json:"calls,omitzero" doc:"calls that transferred something, in the measured time"`
	CallsPerSecond Opt[int64] `json:"calls_per_second,omitzero" doc:"the same for a second, rounded"`
	AtLeast        bool       `json:"at_least,omitzero" doc:"a lower bound: only changes of the queue's contents or of the time of the last message were seen"`
}

// ProcessTraffic is the part of one process.
type ProcessTraffic struct {
	PID      int    `json:"pid" ref:"pid" doc:"the process, which may have ended"`
	Comm     string `json:"comm" ref:"name" doc:"its command name"`
	Sent     *Flow  `json:"sent,omitzero" doc:"what it sent or wrote"`
	Received *Flow  `json:"received,omitzero" doc:"what it received or read"`
}

// PairTraffic is the traffic from one process to another.
type PairTraffic struct {
	From           int        `json:"from" ref:"pid" doc:"the sender's pid"`
	FromComm       string     `json:"from_comm" ref:"name" doc:"its command name"`
	To             int        `json:"to" ref:"pid" doc:"the receiver's pid"`
	ToComm         string     `json:"to_comm" ref:"name" doc:"its command name"`
	BytesPerSecond Opt[int64] `json:"bytes_per_second,omitzero" unit:"bytes" doc:"bytes per second"`
	CallsPerSecond Opt[int64] `json:"calls_per_second,omitzero" doc:"calls per second: of the sender if there is only one receiver, else of the receiver"`
}

// Rate returns how much goes through the object per second: bytes, or calls if it carries
// no bytes. Data written to a pipe is read from the same pipe, so it counts once; what a
// socket sends and what it receives are different data.
func (t *Traffic) Rate() (n Opt[int64], bytes bool) {
	get := func(f *Flow) Opt[int64] { return f.BytesPerSecond }
	if t.Sent == nil || !t.Sent.Bytes.Known() {
		bytes = t.Received != nil && t.Received.Bytes.Known()
	} else {
		bytes = true
	}
	if !bytes {
		get = func(f *Flow) Opt[int64] { return f.CallsPerSecond }
	}
	for _, f := range []*Flow{t.Sent, t.Received} {
		if f == nil {
			continue
		}
		v, known := get(f).Get()
		switch {
		case !known:
		case t.Kind.IsSocket():
			n = Some(n.Or(0) + v)
		default:
			n = Some(max(n.Or(0), v))
		}
	}
	return n, bytes
}

// AtLeast reports whether the real traffic may be higher than the measured one.
func (t *Traffic) AtLeast() bool {
	return t.Sent != nil && t.Sent.AtLeast || t.Received != nil && t.Received.AtLeast
}

// IsSocket reports whether a kind is a kind of socket, of any family.
func (k Kind) IsSocket() bool {
	switch k {
	case Unix, TCP, UDP, Raw, ICMP, Packet, Netlink, Vsock, Socket:
		return true
	}
	return false
}

// CompareTraffic orders the busiest first: by bytes; objects that carry no bytes come after
// these, by calls.
func CompareTraffic(a, b Traffic) int {
	rateA, bytesA := a.Rate()
	rateB, bytesB := b.Rate()
	switch {
	case bytesA && !bytesB:
		return -1
	case bytesB && !bytesA:
		return 1
	}
	return cmp.Or(cmp.Compare(rateB.Or(-1), rateA.Or(-1)), cmp.Compare(a.Object, b.Object))
}
