package trace

// leaseKind is a lease among the kinds of locks.
const leaseKind = "lease"

// askedLeases are leases that were asked for, and may not have been given. Each is in both maps.
type askedLeases struct {
	byFile       map[uint64]*Event // open file
	byDescriptor map[descriptorKey]*Event
}

type descriptorKey struct {
	process processKey
	fd      int
}

// Leased takes an event of a lease, whose outcome is taken, refused, waits, cleared, forced or
// released. That one was taken the kernel does not tell, only that somebody asked for it: it is told
// of once it is known that it was.
func (j *Joiner) Leased(e *Event) {
	if asked := j.leases.byFile[e.Owner]; asked != nil && e.Until != "" {
		asked.pending, asked.dropped = false, asked.Mode != e.Until // there is one: that, or still the one before
		j.leases.remove(asked)
	}
	s := &j.locks
	s.begin()
	switch e.Became {
	case LockTaken:
		e.Became = e.changed(e.Before)
		e.pending = true
		j.leases.add(e)
	case LockWaits:
		key := lockKey{e.Owner, e.Object, leaseKind}
		if w, ok := s.waiting[e.Asker]; ok && w.key == key {
			return // it was interrupted, and waits again
		}
		s.wait(e, key, "", lockRange{0, endOfFile, e.Mode, e.Sender})
	case LockCleared:
		w, ok := s.waiting[e.Asker]
		if !ok || w.key.kind != leaseKind {
			return // the beginning of the wait was not seen
		}
		delete(s.waiting, e.Asker)
		e.endOf(w)
	}
	j.Add(e)
}

// changed is what a lock became that was taken, by the mode that there was before.
func (l *Lock) changed(before string) string {
	switch {
	case before == LockRead && l.Mode == LockWrite:
		return LockUpgraded
	case before == LockWrite && l.Mode == LockRead:
		return LockDowngraded
	}
	return LockTaken
}

// endOf completes an event of a wait that ended.
func (e *Event) endOf(w lockWait) {
	e.Object, e.Path, e.Target = w.key.file, w.path, w.target
	e.Lock.Kind, e.Mode, e.Waited = w.key.kind, w.asked.mode, max(e.Time.Sub(w.since), 0)
	e.Start, e.End = w.asked.bounds(e.Lock.Kind)
}

// settleLease drops a lease that was asked for, unless its process has it.
func (j *Joiner) settleLease(e *Event) {
	j.leases.remove(e)
	e.dropped = j.Holds == nil || !j.Holds(e)
}

// add takes a lease that was asked for. One that was asked for before, for the same descriptor or open
// file, and is none by now was not given, or is gone.
func (a *askedLeases) add(e *Event) {
	if a.byFile == nil {
		a.byFile, a.byDescriptor = map[uint64]*Event{}, map[descriptorKey]*Event{}
	}
	key := descriptorKey{e.Sender.key(), e.FD}
	for _, before := range []*Event{a.byFile[e.Owner], a.byDescriptor[key]} {
		if before != nil {
			before.pending, before.dropped = false, true
			a.remove(before)
		}
	}
	a.byFile[e.Owner], a.byDescriptor[key] = e, e
}

func (a *askedLeases) remove(e *Event) {
	delete(a.byFile, e.Owner)
	delete(a.byDescriptor, descriptorKey{e.Sender.key(), e.FD})
}
