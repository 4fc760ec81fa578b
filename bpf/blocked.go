package bpf

import "time"

// Blocked is that a thread was woken which had slept for long.
type Blocked struct {
	Time  time.Time // when it was woken
	Slept time.Duration
	Who   Party
	Waker Party // who ran then; see By
	By    WokenBy
	IPC   uint64 // inode number of the IPC namespace of Who
	Call  int64  // system call that Who is in; -1: none
	Args  [3]uint64
	File  Behind // behind the call's first argument, where that is a descriptor
}

// WokenBy is in what the waker was when it woke somebody.
type WokenBy int

// What a processor may be in.
const (
	WokenByThread WokenBy = iota // the waker itself
	WokenByTimer                 // a timer ran out: the waker has nothing to do with it
	WokenByDevice                // an interrupt of a device, likewise
	WokenLater                   // packets that came while the waker ran, from itself or from elsewhere
)

const (
	blockedSize = 200
	threadWoken = 5 // kind

	// where
	inTimer  = 1 << 0
	inDevice = 1 << 1
	inLater  = 1 << 2
)

func (t *Tracer) parseBlocked(record []byte) *Blocked {
	f := fields{record}
	b := &Blocked{Time: t.clock(f.u64())}
	f.u32() // kind
	switch where := f.u32(); {
	case where&inTimer != 0:
		b.By = WokenByTimer
	case where&inDevice != 0:
		b.By = WokenByDevice
	case where&inLater != 0:
		b.By = WokenLater
	}
	b.Slept = time.Duration(f.u64())
	b.IPC = f.u64()
	b.Who, b.Waker = f.party(), f.party()
	b.Call = int64(f.u64())
	for i := range b.Args {
		b.Args[i] = f.u64()
	}
	b.File = f.behind()
	return b
}
