package bpf

import "runtime"

// The effects of system calls, with the numbers of calls.bpf.c.
const (
	tracedConnect = 1 + iota
	tracedAccept
	tracedSend
	tracedReceive
	tracedTake
	tracedShmget
	tracedSemget
	tracedMsgget
	tracedShmctl
	tracedSemctl
	tracedMsgctl
	tracedMqOpen
	tracedMqUnlink
	tracedOpen
	tracedLink
	tracedLinkat
	tracedUnlink
	tracedUnlinkat
	tracedMknod
	tracedMknodat
	tracedSendMessages
	tracedReceiveMessages
	tracedMultiplexedIPC
	tracedMultiplexed
)

// tracedCalls are the system calls that a [Tracer] reports, by their numbers for
// 64-bit and 32-bit callers of an architecture, like [calls].
var tracedCalls = map[string]struct {
	wide, narrow map[int][]int
}{
	"amd64": {
		wide: map[int][]int{
			tracedConnect: {42}, tracedAccept: {43, 288}, tracedSend: {46}, tracedReceive: {47}, tracedTake: {438},
			tracedShmget: {29}, tracedSemget: {64}, tracedMsgget: {68}, tracedShmctl: {31}, tracedSemctl: {66}, tracedMsgctl: {71},
			tracedMqOpen: {240}, tracedMqUnlink: {241}, tracedOpen: {2, 85, 257, 437}, tracedLink: {86}, tracedLinkat: {265},
			tracedUnlink: {87}, tracedUnlinkat: {263}, tracedMknod: {133}, tracedMknodat: {259}, tracedSendMessages: {307}, tracedReceiveMessages: {299},
		},
		narrow: map[int][]int{
			tracedConnect: {362}, tracedAccept: {364}, tracedSend: {370}, tracedReceive: {372}, tracedTake: {438},
			tracedShmget: {395}, tracedSemget: {393}, tracedMsgget: {399}, tracedShmctl: {396}, tracedSemctl: {394}, tracedMsgctl: {402},
			tracedMqOpen: {277}, tracedMqUnlink: {278}, tracedOpen: {5, 8, 295, 437}, tracedLink: {9}, tracedLinkat: {303},
			tracedUnlink: {10}, tracedUnlinkat: {301}, tracedMknod: {14}, tracedMknodat: {297}, tracedSendMessages: {345}, tracedReceiveMessages: {337, 417},
			tracedMultiplexedIPC: {117}, tracedMultiplexed: {102},
		},
	},
	"arm64": {
		wide: map[int][]int{
			tracedConnect: {203}, tracedAccept: {202, 242}, tracedSend: {211}, tracedReceive: {212}, tracedTake: {438},
			tracedShmget: {194}, tracedSemget: {190}, tracedMsgget: {186}, tracedShmctl: {195}, tracedSemctl: {191}, tracedMsgctl: {187},
			tracedMqOpen: {180}, tracedMqUnlink: {181}, tracedOpen: {56, 437}, tracedLinkat: {37}, tracedUnlinkat: {35}, tracedMknodat: {33},
			tracedSendMessages: {269}, tracedReceiveMessages: {243},
		},
		narrow: map[int][]int{
			tracedConnect: {283}, tracedAccept: {285, 366}, tracedSend: {296}, tracedReceive: {297}, tracedTake: {438},
			tracedShmget: {307}, tracedSemget: {299}, tracedMsgget: {303}, tracedShmctl: {308}, tracedSemctl: {300}, tracedMsgctl: {304},
			tracedMqOpen: {274}, tracedMqUnlink: {275}, tracedOpen: {5, 8, 322, 437}, tracedLink: {9}, tracedLinkat: {330},
			tracedUnlink: {10}, tracedUnlinkat: {328}, tracedMknod: {14}, tracedMknodat: {324}, tracedSendMessages: {374}, tracedReceiveMessages: {365, 417},
			tracedMultiplexedIPC: {117}, tracedMultiplexed: {102},
		},
	},
}

// callVariables returns the constants with which calls.bpf.c is loaded.
func (o *TraceOptions) callVariables() map[string]any {
	var asked uint32
	for what := tracedConnect; what <= tracedMultiplexed; what++ {
		if o.asksFor(what) {
			asked |= 1 << what
		}
	}
	of := tracedCalls[runtime.GOARCH]
	table := func(from map[int][]int) (t callTable) {
		for what, numbers := range from {
			if asked>>what&1 == 0 {
				continue
			}
			for _, n := range numbers {
				t[n] = uint8(what)
			}
		}
		return t
	}
	return map[string]any{"calls": table(of.wide), "calls32": table(of.narrow), "asked": asked}
}

// asksFor reports whether events of such a call are asked for.
func (o *TraceOptions) asksFor(what int) bool {
	switch what {
	case tracedConnect, tracedAccept:
		return o.Connects
	case tracedSend, tracedReceive, tracedTake, tracedSendMessages, tracedReceiveMessages:
		return o.Passes
	case tracedMultiplexed:
		return o.Connects || o.Passes
	}
	return o.Objects
}

// calls reports whether returning system calls are asked for.
func (o *TraceOptions) calls() bool { return o.Connects || o.Passes || o.Objects }
