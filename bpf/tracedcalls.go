package bpf

import "runtime"

// What a system call does, as calls.bpf.c has it.
const (
	tracedConnect = 1 + iota
	tracedAccept
	tracedSend
	tracedReceive
	tracedTake
	tracedMultiplexed
)

// tracedCalls are the system calls that a [Tracer] tells of, by the numbers of an
// architecture's 64-bit and 32-bit callers, as [calls].
var tracedCalls = map[string]struct {
	wide, narrow map[int][]int
}{
	"amd64": {
		wide: map[int][]int{tracedConnect: {42}, tracedAccept: {43, 288}, tracedSend: {46}, tracedReceive: {47}, tracedTake: {438}},
		narrow: map[int][]int{
			tracedConnect: {362}, tracedAccept: {364}, tracedSend: {370}, tracedReceive: {372}, tracedTake: {438}, tracedMultiplexed: {102},
		},
	},
	"arm64": {
		wide: map[int][]int{tracedConnect: {203}, tracedAccept: {202, 242}, tracedSend: {211}, tracedReceive: {212}, tracedTake: {438}},
		narrow: map[int][]int{
			tracedConnect: {283}, tracedAccept: {285, 366}, tracedSend: {296}, tracedReceive: {297}, tracedTake: {438}, tracedMultiplexed: {102},
		},
	},
}

// callVariables are what calls.bpf.c is to be loaded with.
func (o *TraceOptions) callVariables() map[string]any {
	var asked uint32
	for what, yes := range map[int]bool{
		tracedConnect: o.Connects, tracedAccept: o.Connects, tracedSend: o.Passes, tracedReceive: o.Passes, tracedTake: o.Passes,
		tracedMultiplexed: o.calls(),
	} {
		if yes {
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

// calls reports whether system calls that return are to be told of.
func (o *TraceOptions) calls() bool { return o.Connects || o.Passes }
