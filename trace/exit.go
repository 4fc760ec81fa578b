package trace

import (
	"maps"
	"slices"
	"time"
)

// Limits of how much of what a process left one event lists.
const (
	maxLeft       = 64
	maxLocksEnded = 64
)

// processKey identifies a process.
type processKey struct {
	pid   int
	start uint64
}

func (p *Party) key() processKey { return processKey{p.PID, p.StartTicks} }

// robustLocks are the robust locks that threads of a process held when they ended; at is when
// the last of these threads ended.
type robustLocks struct {
	at   time.Time
	list []File
}

// maxRobust limits for how many processes the robust locks of ended threads are remembered.
const maxRobust = 4096

// RobustEnded adds the robust locks that a thread held when it ended. They are reported only if its
// process ends, too.
func (j *Joiner) RobustEnded(at time.Time, who *Party, list []File) {
	if j.robust == nil || len(j.robust) >= maxRobust {
		j.robust = map[processKey]robustLocks{}
	}
	of := j.robust[who.key()]
	if at.Sub(of.at) > joinDelay {
		of.list = nil // these threads ended long ago
	}
	if of.at = at; len(of.list) < maxLocksEnded {
		of.list = append(of.list, list...)
	}
	j.robust[who.key()] = of
}

// robustOf removes and returns the robust locks of the threads that ended together with their process.
func (j *Joiner) robustOf(e *Event) []File {
	of := j.robust[e.Target.key()]
	delete(j.robust, e.Target.key())
	if e.Time.Sub(of.at) > joinDelay {
		return nil
	}
	return of.list
}

// Ended adds an event of a process that ended. The event is kept back for a moment: the kernel
// reports later which locks ended with the process.
func (j *Joiner) Ended(e *Event) {
	e.pending = true
	if j.ending == nil {
		j.ending = map[processKey]*Event{}
	}
	j.ending[e.Target.key()] = e
	e.Robust = j.robustOf(e)
	j.Add(e)
}

// endsWith adds a lock to the event of the process with which the lock ended.
func (j *Joiner) endsWith(lock *Event) {
	e := j.ending[lock.Sender.key()]
	if e == nil || len(e.Locks) == maxLocksEnded {
		return
	}
	if f := (File{Object: lock.Object, Name: lock.Path}); !slices.Contains(e.Locks, f) {
		e.Locks = append(e.Locks, f)
	}
}

// complete adds to the event of an ended process the objects that it left.
func (j *Joiner) complete(e *Event) {
	key := e.Target.key()
	delete(j.ending, key)
	if j.StillExists == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(j.created.by[key])) {
		object := j.created.byName[name]
		if len(e.Left) == maxLeft {
			break
		}
		if object.dropped || !j.StillExists(object) {
			continue
		}
		f := File{Object: object.Object, Name: object.Path}
		if f.Name == "" {
			f.Name = object.Key
		}
		e.Left = append(e.Left, f)
	}
}
