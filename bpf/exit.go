package bpf

import "time"

// Exit is that a process ended.
type Exit struct {
	Time  time.Time
	Who   Party
	Code  int // its status as wait4(2) has it
	Lived time.Duration
}

const (
	exitSize     = 72
	processEnded = 4 // kind
)

func (t *Tracer) parseExit(record []byte) *Exit {
	f := fields{record}
	e := &Exit{Time: t.clock(f.u64())}
	f.u32() // kind
	e.Code, e.Who, e.Lived = f.int(), f.party(), time.Duration(f.u64())
	return e
}
