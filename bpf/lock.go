package bpf

import (
	"bytes"
	"math"
	"slices"
	"time"
)

// Lock is the event that a thread tries to take or release a lock on a file
// (flock(2), fcntl_locking(2)), or that something happens to a lease (F_SETLEASE in
// fcntl(2)).
type Lock struct {
	Time  time.Time
	Who   Party
	Errno int  // error number, 0: none
	Waits bool // another lock conflicts, and it waits for that
	Type  LockType
	Mode  LockMode
	Start int64 // first byte
	End   int64 // last byte; [math.MaxInt64]: to the end of the file
	Close bool  // it is released because a descriptor was closed, by the process or at its end

	Thread uint64 // distinguishes the threads that ask; not to be shown

	// Owner identifies the owner of the lock, a process or an open file description.
	// Blocker identifies the owner of the conflicting lock. They only distinguish owners,
	// and are not to be shown.
	Owner, Blocker uint64
	BlockerPID     int // the process that took the conflicting lock, or the lease; 0: not known

	Lease   LeaseStep // for a lease; otherwise 0
	FD      int       // for [LeaseRequested]: the descriptor
	Before  LockMode  // mode of the lease that exists until now, if HasMode
	HasMode bool

	File Behind
	Path string // across all mounts; "" if it is not known or too long
}

// LockType says how a lock was asked for, and thereby who owns it.
type LockType int

// The types of locks.
const (
	LockPOSIX LockType = iota // F_SETLK: the process owns it
	LockOFD                   // F_OFD_SETLK: the open file description owns it
	LockFlock                 // likewise
	LockLease                 // F_SETLEASE: likewise
)

// LeaseStep is what happens to a lease.
type LeaseStep int

// The steps, as in lease.h. Mode is the mode of the lease, or the access for which another
// process opens the file: Read to read, Write to write.
const (
	LeaseRequested LeaseStep = 1 + iota // Who asks for it, perhaps without success
	LeaseGivenUp                        // Who gives it up
	LeaseBlocks                         // Who waits to open the file
	LeaseRefuses                        // Who does not wait to open the file
	LeaseCleared                        // it no longer blocks Who
	LeaseOverdue                        // the kernel takes it away, because it was not given up in time
)

// LockMode is the mode that is asked for.
type LockMode uint32

// The modes of include/uapi/asm-generic/fcntl.h.
const (
	LockRead LockMode = iota
	LockWrite
	Unlock
)

const (
	lockAttempted = 9 // kind
	leaseChanged  = 12
	lockSize      = 936

	// include/linux/filelock.h
	flFlock  = 0x2
	flClose  = 0x40
	flOFD    = 0x400
	deferred = 1 // FILE_LOCK_DEFERRED
)

func (t *Tracer) parseLock(record []byte) *Lock {
	f := fields{record}
	l := &Lock{Time: t.clock(f.u64())}
	lease := f.u32() == leaseChanged
	switch result := f.int(); {
	case lease:
		l.Lease = LeaseStep(result)
	case result < 0:
		l.Errno = -result
	case result == deferred:
		l.Waits = true
	}
	l.Who = f.party()
	l.Thread = f.u64()
	l.Owner, l.Blocker = f.u64(), f.u64()
	l.Start, l.End = int64(f.u64()), int64(f.u64())
	flags := f.u32()
	switch {
	case lease:
		l.Type = LockLease
	case flags&flFlock != 0:
		l.Type = LockFlock
	case flags&flOFD != 0:
		l.Type = LockOFD
	}
	l.Close = flags&flClose != 0
	l.Mode = LockMode(f.u32())
	l.BlockerPID = f.int()
	if before := f.u32(); before != 0 {
		l.Before, l.HasMode = LockMode(before-1), true
	}
	l.File = f.behind()
	l.FD = f.int()
	l.Path = f.path()
	if l.Type == LockFlock || lease {
		l.Start, l.End = 0, math.MaxInt64
	}
	return l
}

// LockWaitEnded is the event that a thread stopped waiting for a lock without getting it.
type LockWaitEnded struct {
	Time   time.Time
	Who    Party
	Thread uint64 // as in [Lock]
	Signal int    // the signal that ended the wait: its call fails with EINTR
	Dies   bool   // together with its process, whatever signal that was
}

const (
	lockWaitEnded     = 11 // kind
	lockWaitEndedSize = 80
)

func (t *Tracer) parseLockWaitEnded(record []byte) *LockWaitEnded {
	f := fields{record}
	l := &LockWaitEnded{Time: t.clock(f.u64())}
	f.u32() // kind
	l.Signal, l.Who, l.Thread = f.int(), f.party(), f.u64()
	l.Dies = f.u32() != 0
	return l
}

// path reads the names on the way from a file to the root.
func (f *fields) path() string {
	length := f.int()
	names := bytes.Split(f.bytes(length), []byte{0})
	if length == 0 {
		return ""
	}
	slices.Reverse(names) // the first one is empty
	return string(bytes.Join(names, []byte{'/'}))
}
