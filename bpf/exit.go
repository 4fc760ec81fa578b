package bpf

import (
	"time"

	"github.com/cilium/ebpf/btf"
)

// Exit is the event that a process ended.
type Exit struct {
	Time  time.Time
	Who   Party
	Code  int // its status as wait4(2) returns it
	Lived time.Duration
}

// RobustEnded is the event that a thread ended without unlocking its robust locks
// (get_robust_list(2)). Right after that the kernel marks the locks, so that the next owner is told.
type RobustEnded struct {
	Time  time.Time
	Who   Party
	IPC   uint64 // inode number of the IPC namespace of Who
	Count int
	Locks []RobustLock // the first few
}

// RobustLock is a lock in a thread's memory.
type RobustLock struct {
	Address uint64 // of its futex word
	Shared  bool   // it is in a file mapping
	Offset  uint64 // offset in the file
	File    Named
}

const (
	exitSize     = 72
	processEnded = 4 // kind
	robustEnded  = 13
	robustSize   = 456
	maxRobust    = 4
)

func (t *Tracer) parseRobust(record []byte) *RobustEnded {
	f := fields{record}
	r := &RobustEnded{Time: t.clock(f.u64())}
	f.u32() // kind
	r.Count, r.Who, r.IPC = f.int(), f.party(), f.u64()
	for range min(r.Count, maxRobust) {
		l := RobustLock{Address: f.u64(), Offset: f.u64(), File: f.named()}
		l.Shared = l.File.File.Mode != 0
		r.Locks = append(r.Locks, l)
	}
	return r
}

func (t *Tracer) parseExit(record []byte) *Exit {
	f := fields{record}
	e := &Exit{Time: t.clock(f.u64())}
	f.u32() // kind
	e.Code, e.Who, e.Lived = f.int(), f.party(), time.Duration(f.u64())
	return e
}

// exits is the object for processes that end. Their robust locks can be seen if the tracepoint comes
// before the kernel handles them. That is so since Linux 6.16, which also gave the tracepoint another
// argument.
func exits(types *btf.Spec) tracedObject {
	at := map[string]string{"process_ended": "sched_process_exit"}
	if arguments(types, "sched_process_exit") > 1 {
		at["locks_ended"] = "sched_process_exit"
	}
	return tracedObject{object: exitObject, at: at}
}
