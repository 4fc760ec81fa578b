package trace

import (
	"maps"
	"slices"
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

// Ended takes an event of a process that ended. It waits for the locks that end with it, of which
// the kernel tells afterwards.
func (j *Joiner) Ended(e *Event) {
	e.pending = true
	if j.ending == nil {
		j.ending = map[processKey]*Event{}
	}
	j.ending[e.Target.key()] = e
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
