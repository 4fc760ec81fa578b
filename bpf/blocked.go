package bpf

import "time"

// Blocked is the event that a thread was woken after a long sleep.
type Blocked struct {
	Time   time.Time // when it was woken
	Slept  time.Duration
	Who    Party
	Waker  Party // the thread that ran then; see By
	By     WokenBy
	IPC    uint64 // inode number of the IPC namespace of Who
	Call   int64  // system call that Who is in; -1: none
	Call32 bool   // Call is a number of 32-bit programs
	Args   [3]uint64
	File   Behind // the file behind the call's first argument, if that is a descriptor
}

// WokenBy is the context in which the waker's processor woke the thread.
type WokenBy int

// The contexts.
const (
	WokenByThread WokenBy = iota // the waker itself
	WokenByTimer                 // a timer expired: the waker has nothing to do with it
	WokenByDevice                // a device interrupt, likewise
	WokenLater                   // packets that arrived while the waker ran, from itself or from elsewhere
)

const (
	blockedSize = 200
	threadWoken = 5 // kind

	// where
	inTimer  = 1 << 0
	inDevice = 1 << 1
	inLater  = 1 << 2
)

// call32 marks the number of a call of a 32-bit program.
const call32 = 1 << 32

// call takes the number of a system call apart.
func call(number uint64) (n int64, is32 bool) {
	if n = int64(number); n > 0 && n&call32 != 0 {
		return n &^ call32, true
	}
	return n, false
}

func (t *Tracer) parseBlocked(record []byte) *Blocked {
	f := fields{record}
	b := &Blocked{Time: t.clock(f.u64())}
	f.u32() // kind
	b.By = wokenBy(f.u32())
	b.Slept = time.Duration(f.u64())
	b.IPC = f.u64()
	b.Who, b.Waker = f.party(), f.party()
	b.Call, b.Call32 = call(f.u64())
	for i := range b.Args {
		b.Args[i] = f.u64()
	}
	b.File = f.behind()
	return b
}

// wokenBy returns the context of a wake-up.
func wokenBy(where uint32) WokenBy {
	switch {
	case where&inTimer != 0:
		return WokenByTimer
	case where&inDevice != 0:
		return WokenByDevice
	case where&inLater != 0:
		return WokenLater
	}
	return WokenByThread
}
