package bpf

import (
	"bytes"
	"math"
	"slices"
	"time"
)

// Lock is an attempt to take a lock on a file, or to give one up (flock(2),
// fcntl_locking(2)).
type Lock struct {
	Time  time.Time
	Who   Party
	Errno int  // error number, 0: none
	Waits bool // another lock is in the way, and it waits for that
	Type  LockType
	Mode  LockMode
	Start int64 // first byte
	End   int64 // last byte; [math.MaxInt64]: to the end of the file
	Close bool  // it is given up because a descriptor was closed, by the process or by its end

	Thread uint64 // tells the threads that ask apart, and is not for anyone to see

	// Owner is whose lock it is, a process or an open file description, and Blocker whose
	// lock is in the way. They tell owners apart, and are not for anyone to see.
	Owner, Blocker uint64
	BlockerPID     int // of the process that took that; 0: not known

	File Behind
	Path string // through all mounts; "" where it is not known or too long
}

// LockType says how a lock was asked for, and so whose it is.
type LockType int

// The types of locks.
const (
	LockPOSIX LockType = iota // F_SETLK: the process's
	LockOFD                   // F_OFD_SETLK: the open file description's
	LockFlock                 // likewise
)

// LockMode is what is asked for.
type LockMode uint32

// The modes of include/uapi/asm-generic/fcntl.h.
const (
	LockRead LockMode = iota
	LockWrite
	Unlock
)

const (
	lockAttempted = 9 // kind
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
	f.u32() // kind
	switch result := f.int(); {
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
	case flags&flFlock != 0:
		l.Type = LockFlock
	case flags&flOFD != 0:
		l.Type = LockOFD
	}
	l.Close = flags&flClose != 0
	l.Mode = LockMode(f.u32())
	l.BlockerPID = f.int()
	f.u32() // reserved
	l.File = f.behind()
	f.u32() // reserved
	l.Path = f.path()
	if l.Type == LockFlock {
		l.Start, l.End = 0, math.MaxInt64
	}
	return l
}

// LockLeft is that a thread which waited for a lock waits no longer, and does not have it.
type LockLeft struct {
	Time   time.Time
	Who    Party
	Thread uint64 // as in [Lock]
	Signal int    // that ended the wait: its call fails by EINTR
	Dies   bool   // with its process, whatever signal that was
}

const (
	lockWaitLeft = 11 // kind
	lockLeftSize = 80
)

func (t *Tracer) parseLockLeft(record []byte) *LockLeft {
	f := fields{record}
	l := &LockLeft{Time: t.clock(f.u64())}
	f.u32() // kind
	l.Signal, l.Who, l.Thread = f.int(), f.party(), f.u64()
	l.Dies = f.u32() != 0
	return l
}

// path takes the names on the way from a file to the root.
func (f *fields) path() string {
	length := f.int()
	names := bytes.Split(f.bytes(length), []byte{0})
	if length == 0 {
		return ""
	}
	slices.Reverse(names) // the first one is empty
	return string(bytes.Join(names, []byte{'/'}))
}
