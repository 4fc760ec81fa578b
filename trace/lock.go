package trace

import (
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
)

// Lock describes an event of a lock on a file. The event's sender requested or released the
// lock; its target is the process that took the conflicting lock.
type Lock struct {
	Kind    string           `json:"lock" oneof:"posix ofd flock lease" doc:"posix: fcntl F_SETLK, held by a process; ofd: fcntl F_OFD_SETLK, held by an open file description; flock and lease (F_SETLEASE), likewise"`
	Mode    string           `json:"mode" oneof:"READ WRITE" doc:"READ: shared; WRITE: exclusive; of a released lock the mode it had, if known; of a conflicting lease, what the file is opened for"`
	Start   model.Opt[int64] `json:"start" unit:"bytes" doc:"first byte; missing of flock and lease"`
	End     model.Opt[int64] `json:"end" unit:"bytes" doc:"last byte; missing: to the end of the file, even if it grows"`
	Outcome string           `json:"outcome" oneof:"taken upgraded downgraded refused waits cleared forced interrupted abandoned released closed ended" doc:"what happened to it"`
	Waited  time.Duration    `json:"waited_ns" unit:"ns" doc:"how long its thread waited for it, whether it got it or not"`
	By      string           `json:"interrupted_by" doc:"of a wait that was interrupted: the signal whose handler ran"`
	Before  string           `json:"mode_before" oneof:"READ WRITE" doc:"the mode that it had until then, if known; flock(2) releases it before it waits or is refused"`

	ThreadKey    uint64 `json:"-"` // identifies the thread
	Owner        uint64 `json:"-"` // identifies the owner of the lock
	Blocker      uint64 `json:"-"` // the owner of the conflicting lock
	Close        bool   `json:"-"` // released by closing a descriptor
	Exiting      bool   `json:"-"` // released by the end of its process
	FD           int    `json:"-"` // of a requested lease: the descriptor
	ModeUntilNow string `json:"-"` // the mode of the lease until now, "" if there was none
}

// What becomes of a lock.
const (
	LockTaken       = "taken"
	LockUpgraded    = "upgraded"   // from READ to WRITE
	LockDowngraded  = "downgraded" // from WRITE to READ
	LockRefused     = "refused"
	LockWaits       = "waits"
	LockCleared     = "cleared"     // the lease no longer conflicts
	LockForced      = "forced"      // the lease is taken away: its holder did not release it in time
	LockInterrupted = "interrupted" // the wait, by a signal
	LockAbandoned   = "abandoned"   // the wait, by the end of the process
	LockReleased    = "released"    // by a call of the program
	LockClosed      = "closed"      // by closing a descriptor
	LockEnded       = "ended"       // by the end of the process
)

// Modes of locks.
const (
	LockRead  = "READ"
	LockWrite = "WRITE"
)

// Limits of how many locks are remembered. For locks beyond them it is not reported how long
// they waited, whether they were upgraded, or that they were released by closing a descriptor.
const (
	maxLocks      = 1 << 16
	maxLockRanges = 256 // of one owner on one file: taking a lock goes through all of them
)

// locks are the locks that were taken since the trace began.
type locks struct {
	held    map[lockKey][]lockRange
	ranges  int                 // number of ranges in held
	waiting map[uint64]lockWait // key: the thread
}

type lockKey struct {
	owner uint64
	file  string
	kind  string
}

type lockRange struct {
	start, end int64
	mode       string
	by         *Party
}

// bounds are the first and the last byte, as events of that lock kind report them.
func (r lockRange) bounds(kind string) (start, end model.Opt[int64]) {
	if kind == "flock" || kind == leaseKind {
		return start, end
	}
	if r.end != endOfFile {
		end = model.Some(r.end)
	}
	return model.Some(r.start), end
}

type lockWait struct {
	key    lockKey
	since  time.Time
	before string
	asked  lockRange
	path   string
	target *Party
}

const endOfFile = 1<<63 - 1

// Locked adds an event of a lock, with the outcome taken, refused, waits or released.
func (j *Joiner) Locked(e *Event) {
	if !j.locks.complete(e) {
		return
	}
	j.Add(e)
	if e.Outcome == LockEnded {
		j.endsWith(e)
	}
}

// LockWaitEnded adds an event of a thread that stopped waiting for a lock without getting it. If the
// beginning of the wait was not seen, nothing is reported.
func (j *Joiner) LockWaitEnded(e *Event) {
	w, ok := j.locks.waiting[e.ThreadKey]
	if !ok {
		return
	}
	delete(j.locks.waiting, e.ThreadKey)
	e.endOf(w)
	j.Add(e)
}

// complete adds to an event what is known of its lock. It reports whether the event is
// to be reported.
func (s *locks) complete(e *Event) bool {
	s.begin()
	key := lockKey{e.Lock.Owner, e.Object, e.Lock.Kind}
	if description := (lockKey{e.Lock.Owner, e.Object, "ofd"}); e.Close && s.held[description] != nil {
		key, e.Lock.Kind = description, description.kind // the kernel removes these in the same way as those of a process
	}
	asked := lockRange{e.Start.Or(0), e.End.Or(endOfFile), e.Mode, e.Sender}
	concerned := concernedBy(s.held[key], asked)
	before := modeOf(concerned)
	if e.Blocker != 0 {
		if by := s.takerOf(lockKey{e.Blocker, e.Object, e.Lock.Kind}, asked); by != nil {
			e.Target = by
		}
	}
	switch e.Outcome {
	case LockWaits:
		if w, ok := s.waiting[e.ThreadKey]; ok && w.key == key {
			return false // another lock conflicted, too
		}
		if e.Lock.Kind == "flock" {
			e.Before = before
			s.cut(key, asked)
		}
		s.wait(e, key, before, asked)
	case LockRefused:
		delete(s.waiting, e.ThreadKey)
		if e.Lock.Kind == "flock" {
			e.Before = before
			s.cut(key, asked)
		}
	case LockTaken:
		if w, ok := s.waiting[e.ThreadKey]; ok && w.key == key {
			e.Waited = max(e.Time.Sub(w.since), 0)
			if before == "" {
				before = w.before
			}
		}
		delete(s.waiting, e.ThreadKey)
		if e.Outcome = e.changed(before); e.Outcome != LockTaken {
			e.Before = before
		}
		s.cut(key, asked)
		if ranges := s.held[key]; len(ranges) < maxLockRanges && s.ranges < maxLocks {
			s.held[key] = append(ranges, asked)
			s.ranges++
		}
	case LockReleased:
		e.Mode = before
		s.cut(key, asked)
		if !e.Close {
			break
		}
		e.Outcome = LockClosed
		if e.Exiting {
			e.Outcome = LockEnded
		}
		if len(concerned) == 1 && e.Lock.Kind != "flock" {
			e.Start, e.End = concerned[0].bounds(e.Lock.Kind)
		}
		return len(concerned) > 0 // otherwise it held no known lock
	}
	return true
}

func (s *locks) begin() {
	if s.held == nil {
		s.held, s.waiting = map[lockKey][]lockRange{}, map[uint64]lockWait{}
	}
}

// wait records the beginning of a wait.
func (s *locks) wait(e *Event, key lockKey, before string, asked lockRange) {
	if len(s.waiting) >= maxLocks {
		for any := range s.waiting { // the end of this wait will not be reported
			delete(s.waiting, any)
			break
		}
	}
	s.waiting[e.ThreadKey] = lockWait{key, e.Time, before, asked, e.Path, e.Target}
}

// concernedBy are the ranges that overlap another range.
func concernedBy(ranges []lockRange, other lockRange) (list []lockRange) {
	for _, r := range ranges {
		if r.end >= other.start && other.end >= r.start {
			list = append(list, r)
		}
	}
	return list
}

// modeOf is the common mode of ranges; "" if there are no ranges or several modes.
func modeOf(ranges []lockRange) (mode string) {
	for _, r := range ranges {
		if mode != "" && r.mode != mode {
			return ""
		}
		mode = r.mode
	}
	return mode
}

// takerOf is the process that took the lock which conflicts with another.
func (s *locks) takerOf(key lockKey, other lockRange) *Party {
	for _, r := range concernedBy(s.held[key], other) {
		if r.mode == LockWrite || other.mode == LockWrite {
			return r.by
		}
	}
	return nil
}

// cut removes a range from those that an owner holds.
func (s *locks) cut(key lockKey, out lockRange) {
	var left []lockRange
	for _, r := range s.held[key] {
		if r.end < out.start || out.end < r.start {
			left = append(left, r)
			continue
		}
		if r.start < out.start {
			left = append(left, lockRange{r.start, out.start - 1, r.mode, r.by})
		}
		if r.end > out.end {
			left = append(left, lockRange{out.end + 1, r.end, r.mode, r.by})
		}
	}
	s.ranges += len(left) - len(s.held[key])
	if left == nil {
		delete(s.held, key)
		return
	}
	s.held[key] = slices.Clip(left)
}
