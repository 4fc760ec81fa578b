package bpf

import "runtime"

// The effects of system calls, with the numbers of rate.bpf.c.
const (
	callRead = 1 + iota
	callWrite
	callReceive
	callReceiveMessage
	callReceiveMessages
	callSendMessages
	callSendFile
	callSplice
	callTee
	callVmsplice
	callQueueSend
	callSysVSend
	callSysVReceive
	callSysVOperate
	callFutex
	callQueueReceive
	callMultiplexed
)

// callTable has the same length as the tables in the programs.
type callTable [512]uint8

// calls are the system calls that carry data, by their numbers for 64-bit and 32-bit
// callers of an architecture (arch/x86/entry/syscalls, include/uapi/asm-generic/unistd.h,
// arch/arm64/tools/syscall_32.tbl). The last one multiplexes other calls (ipc(2),
// socketcall(2)).
var calls = map[string]struct {
	wide, narrow map[int][]int
}{
	"amd64": {
		wide: map[int][]int{
			callQueueReceive: {243}, callRead: {0, 17, 19, 295, 327}, callWrite: {1, 18, 20, 296, 328, 44, 46},
			callReceive: {45}, callReceiveMessage: {47}, callReceiveMessages: {299}, callSendMessages: {307},
			callSendFile: {40}, callSplice: {275}, callTee: {276}, callVmsplice: {278}, callQueueSend: {242},
			callSysVSend: {69}, callSysVReceive: {70}, callSysVOperate: {65, 220}, callFutex: {202},
		},
		narrow: map[int][]int{
			callQueueReceive: {280, 419}, callRead: {3, 180, 145, 333, 378}, callWrite: {4, 181, 146, 334, 379, 369, 370},
			callReceive: {371}, callReceiveMessage: {372}, callReceiveMessages: {337, 417}, callSendMessages: {345},
			callSendFile: {187, 239}, callSplice: {313}, callTee: {315}, callVmsplice: {316}, callQueueSend: {279, 418},
			callSysVSend: {400}, callSysVReceive: {401}, callSysVOperate: {420}, callFutex: {240, 422}, callMultiplexed: {102, 117},
		},
	},
	"arm64": {
		wide: map[int][]int{
			callQueueReceive: {183}, callRead: {63, 67, 65, 69, 286}, callWrite: {64, 68, 66, 70, 287, 206, 211},
			callReceive: {207}, callReceiveMessage: {212}, callReceiveMessages: {243}, callSendMessages: {269},
			callSendFile: {71}, callSplice: {76}, callTee: {77}, callVmsplice: {75}, callQueueSend: {182},
			callSysVSend: {189}, callSysVReceive: {188}, callSysVOperate: {193, 192}, callFutex: {98},
		},
		narrow: map[int][]int{
			callQueueReceive: {277, 419}, callRead: {3, 180, 145, 361, 392}, callWrite: {4, 181, 146, 362, 393, 289, 290, 296},
			callReceive: {291, 292}, callReceiveMessage: {297}, callReceiveMessages: {365, 417}, callSendMessages: {374},
			callSendFile: {187, 239}, callSplice: {340}, callTee: {342}, callVmsplice: {343}, callQueueSend: {276, 418},
			callSysVSend: {301}, callSysVReceive: {302}, callSysVOperate: {298, 312, 420}, callFutex: {240, 422}, callMultiplexed: {102, 117},
		},
	},
}

// newCallTable returns what each call of this architecture does, for 64-bit and 32-bit callers.
func newCallTable() (t [len(callTable{})][2]uint8) {
	of := calls[runtime.GOARCH]
	for i, from := range []map[int][]int{of.wide, of.narrow} {
		for what, numbers := range from {
			for _, n := range numbers {
				t[n][i] = uint8(what)
			}
		}
	}
	return t
}
