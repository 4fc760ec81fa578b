package trace

// leaseKind is the lock kind of a lease.
const leaseKind = "lease"

// requestedLeases are leases that were requested; whether they were granted is not known yet. Each
// is in both maps.
type requestedLeases struct {
	byFile       map[uint64]*Event // key: the open file description
	byDescriptor map[descriptorKey]*Event
}

type descriptorKey struct {
	process processKey
	fd      int
}

// Leased adds an event of a lease. The outcome is taken, refused, waits, cleared, forced or released. The kernel
// reports only that a lease was requested, not that it was granted: "taken" is reported once that is known.
func (j *Joiner) Leased(e *Event) {
	if asked := j.leases.byFile[e.Owner]; asked != nil && e.ModeUntilNow != "" {
		asked.pending, asked.dropped = false, asked.Mode != e.ModeUntilNow // a lease exists: the requested one, or still the one before
		j.leases.remove(asked)
	}
	s := &j.locks
	s.begin()
	switch e.Outcome {
	case LockTaken:
		e.Outcome = e.changed(e.Before)
		e.pending = true
		j.leases.add(e)
	case LockWaits:
		key := lockKey{e.Owner, e.Object, leaseKind}
		if w, ok := s.waiting[e.ThreadKey]; ok && w.key == key {
			return // it was interrupted, and waits again
		}
		s.wait(e, key, "", lockRange{0, endOfFile, e.Mode, e.Sender})
	case LockCleared:
		w, ok := s.waiting[e.ThreadKey]
		if !ok || w.key.kind != leaseKind {
			return // the beginning of the wait was not seen
		}
		delete(s.waiting, e.ThreadKey)
		e.endOf(w)
	}
	j.Add(e)
}

// changed is the outcome for a lock that was taken, given the mode that it had before.
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

// completeLease drops the event of a requested lease unless its process holds the lease.
func (j *Joiner) completeLease(e *Event) {
	j.leases.remove(e)
	e.dropped = j.HoldsLease == nil || !j.HoldsLease(e)
}

// add adds a requested lease. An earlier request for the same descriptor or open file description that
// is still unconfirmed is dropped: it was not granted, or its lease is gone.
func (a *requestedLeases) add(e *Event) {
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

func (a *requestedLeases) remove(e *Event) {
	delete(a.byFile, e.Owner)
	delete(a.byDescriptor, descriptorKey{e.Sender.key(), e.FD})
}
