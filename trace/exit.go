package trace

import (
	"maps"
	"slices"
	"time"
)

// How much an event tells at most of what a process left.
const (
	maxLeft       = 64
	maxLocksEnded = 64
)

// processKey is one process.
type processKey struct {
	pid   int
	start uint64
}

func (p *Party) key() processKey { return processKey{p.PID, p.StartTicks} }

// robustLocks are robust locks that threads of a process had when they ended, the last one then.
type robustLocks struct {
	at   time.Time
	list []File
}

// maxRobust is of how many processes it is remembered which robust locks their threads had.
const maxRobust = 4096

// RobustEnded takes the robust locks that a thread had when it ended. They are told of if its process
// ends, too.
func (j *Joiner) RobustEnded(at time.Time, who *Party, list []File) {
	if j.robust == nil || len(j.robust) >= maxRobust {
		j.robust = map[processKey]robustLocks{}
	}
	of := j.robust[who.key()]
	if at.Sub(of.at) > settle {
		of.list = nil // of threads that ended long ago
	}
	if of.at = at; len(of.list) < maxLocksEnded {
		of.list = append(of.list, list...)
	}
	j.robust[who.key()] = of
}

// robustOf takes out the robust locks of threads that ended with a process.
func (j *Joiner) robustOf(e *Event) []File {
	of := j.robust[e.Target.key()]
	delete(j.robust, e.Target.key())
	if e.Time.Sub(of.at) > settle {
		return nil
	}
	return of.list
}

// Ended takes an event of a process that ended. It waits for the locks that end with it, of which
// the kernel tells afterwards.
func (j *Joiner) Ended(e *Event) {
	e.pending = true
	if j.ending == nil {
		j.ending = map[processKey]*Event{}
	}
	j.ending[e.Target.key()] = e
	e.Robust = j.robustOf(e)
	j.Add(e)
}

// endsWith adds a lock to what is told of the process with which it ended.
func (j *Joiner) endsWith(lock *Event) {
	e := j.ending[lock.Sender.key()]
	if e == nil || len(e.Locks) == maxLocksEnded {
		return
	}
	if f := (File{Object: lock.Object, Name: lock.Path}); !slices.Contains(e.Locks, f) {
		e.Locks = append(e.Locks, f)
	}
}

// complete adds to an event of a process that ended what it left.
func (j *Joiner) complete(e *Event) {
	key := e.Target.key()
	delete(j.ending, key)
	if j.Remains == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(j.made.by[key])) {
		object := j.made.byName[name]
		if len(e.Left) == maxLeft {
			break
		}
		if object.dropped || !j.Remains(object) {
			continue
		}
		f := File{Object: object.Object, Name: object.Path}
		if f.Name == "" {
			f.Name = object.Key
		}
		e.Left = append(e.Left, f)
	}
}
