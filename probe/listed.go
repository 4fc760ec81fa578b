package probe

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// listed are the objects of the last snapshot, in its order.
type listed struct {
	objects  []*model.Object // shared with the snapshot, so not changed
	entries  []*Entry        // the entries of these objects
	spare    []*Entry        // memory for the next entries
	keepLast []*Entry        // entries that are to take over the object of the last snapshot
	done     bool            // this is the list of the last scan

	// Everything that decides whether all lists of holders are complete.
	hidden, unmapped, inFlight bool
}

// objects lists all objects in the order of the document. It looks only at objects that were
// made or changed in this scan, and at those that have such an object as their peer. If
// nothing has changed, the list is the last one, and so is each object.
func (idx *Index) objects() []*model.Object {
	j := idx.joined
	l := &j.listed
	all := l.hidden != idx.hidden || l.unmapped != idx.unmapped || l.inFlight != idx.inFlight
	l.hidden, l.unmapped, l.inFlight = idx.hidden, idx.unmapped, idx.inFlight
	l.keepLast = l.keepLast[:0]

	c := listing{idx: idx, objects: l.objects}
	lists := [][]*Entry{j.made, j.touched}
	for _, list := range lists[:2] {
		for _, e := range list {
			if len(e.namedBy) > 0 && (e.placed != (!e.removed && e.listed()) || e.placed && e.Object.ID != e.last.ID || e.excluded || e.wasExcluded) {
				lists = append(lists, e.namedBy)
			}
			e.wasExcluded = e.excluded
		}
	}
	if len(l.objects) == 0 {
		c.added = make([]*Entry, 0, len(j.made)+len(j.touched))
	}
	j.passes++
	for _, list := range lists {
		for _, e := range list {
			if e.firstInPass() {
				c.update(e)
			}
		}
	}
	if all {
		for e := range idx.All() {
			if e.firstInPass() {
				c.update(e)
			}
		}
	}
	c.apply(l)
	l.done = true
	return l.objects
}

// firstInPass reports whether e has not been looked at in this pass.
func (e *Entry) firstInPass() bool {
	if e.lastPass == e.in.passes {
		return false
	}
	e.lastPass = e.in.passes
	return true
}

// listing makes a list of objects from the last one.
type listing struct {
	idx     *Index
	objects []*model.Object // those of the last list
	patched []placed        // new records of objects in the list
	removed []int           // places of objects that are gone
	added   []*Entry
}

type placed struct {
	at     int
	object *model.Object
}

// update decides what becomes of an object in the list.
func (c *listing) update(e *Entry) {
	at := -1
	if e.placed {
		at = c.find(e)
	}
	before := e.last
	if e.placed = !e.removed && e.listed(); !e.placed {
		if at >= 0 {
			c.removed = append(c.removed, at)
		}
		return
	}
	o := c.idx.objectNow(e)
	switch {
	case at < 0:
		c.added = append(c.added, e)
	case before.ID != o.ID || before.Kind != o.Kind:
		c.removed, c.added = append(c.removed, at), append(c.added, e)
	case o != before:
		c.patched = append(c.patched, placed{at, o})
	}
}

// find returns the place of an object that is in the list; usually it is where it was.
func (c *listing) find(e *Entry) int {
	entries := c.idx.joined.listed.entries
	if at := int(e.place); at < len(entries) && entries[at] == e {
		return at
	}
	at := near(entries, e)
	if at < 0 {
		at, _ = slices.BinarySearchFunc(c.objects, e.last, model.CompareObjects)
		for entries[at] != e {
			at++ // another object with the same id
		}
	}
	e.place = int32(at)
	return at
}

// nearPlaces is how far from its last place an object is searched for, as others came and went.
// After that it is searched for by id.
const nearPlaces = 256

// near looks for an object not far from its last place; -1 if it is not there.
func near(entries []*Entry, e *Entry) int {
	place := int(e.place)
	for d := 1; d <= nearPlaces; d++ {
		if at := place - d; at >= 0 && at < len(entries) && entries[at] == e {
			return at
		}
		if at := place + d; at < len(entries) && entries[at] == e {
			return at
		}
	}
	return -1
}

// apply makes the new list. It does not change the old one.
func (c *listing) apply(l *listed) {
	if len(c.patched)+len(c.removed)+len(c.added) == 0 {
		return
	}
	before := l.objects
	slices.SortFunc(c.patched, func(a, b placed) int { return a.at - b.at })
	patch := func(objects []*model.Object, from, to int) { // patches the objects that were at these places
		for ; len(c.patched) > 0 && c.patched[0].at < to; c.patched = c.patched[1:] {
			objects[c.patched[0].at-from] = c.patched[0].object
		}
	}
	if len(c.removed)+len(c.added) == 0 {
		l.objects = slices.Clone(before)
		patch(l.objects, 0, len(before))
		return
	}
	slices.Sort(c.removed)
	sortObjects(c.added)
	n := len(before) - len(c.removed) + len(c.added)
	objects, entries := make([]*model.Object, 0, n), slices.Grow(l.spare[:0], n)
	at := 0
	upTo := func(end int) { // copies what was before a place, without what is removed
		for at < end {
			stop := end
			if len(c.removed) > 0 && c.removed[0] < end {
				stop = c.removed[0]
			}
			objects, entries = append(objects, before[at:stop]...), append(entries, l.entries[at:stop]...)
			patch(objects[len(objects)-(stop-at):], at, stop)
			if at = stop; len(c.removed) > 0 && c.removed[0] == at {
				at, c.removed = at+1, c.removed[1:]
			}
		}
	}
	for _, e := range c.added {
		place, _ := slices.BinarySearchFunc(l.objects[at:], e.last, model.CompareObjects)
		upTo(at + place)
		e.place = int32(len(objects))
		objects, entries = append(objects, e.last), append(entries, e)
	}
	upTo(len(before))
	clear(l.entries)
	l.objects, l.entries, l.spare = objects, entries, l.entries[:0]
}

// objectNow returns the object for the snapshot: the last snapshot's record if it is equal.
func (idx *Index) objectNow(e *Entry) *model.Object {
	complete, peers := idx.HoldersComplete(e), idx.peersNow(e)
	o := e.Object
	same := e.shown && !e.asEmitted && o.HoldersComplete == complete && sameSlice(o.Holders, e.Holders) && sameSlice(o.Peers, peers)
	if same && o == e.last {
		return o
	}
	if !same {
		if e.asEmitted { // no earlier snapshot has it, so these fields may be set in place
			e.asEmitted = false
		} else {
			o = e.OwnObject()
		}
		o.Holders, o.HoldersComplete, o.Peers = e.Holders, complete, peers
	}
	if o.Holders == nil && idx.joined.keep {
		o.Holders = []model.Holder{} // it is no longer raw
	}
	e.shown = true
	if e.last == nil || !sameObject(e.last, o) {
		e.last = o
		return o
	}
	if e.Key.Space.Incremental && !e.owned {
		e.useLast()
	} else {
		// Detail hooks may write into this record, and must not write into the last snapshot's.
		idx.joined.listed.keepLast = append(idx.joined.listed.keepLast, e)
	}
	return e.last
}

// useLast makes e use the record of the last snapshot, which is equal.
func (e *Entry) useLast() {
	if e.Key.Space.Incremental && sameSlice(e.held, e.Holders) {
		e.held = slices.Clip(e.last.Holders)
	}
	e.Object, e.Holders = e.last, e.last.Holders
}

// useLastRecords releases, when the scan has ended, records that are equal to the last snapshot's.
func (j *joined) useLastRecords() {
	for _, e := range j.listed.keepLast {
		if !e.Key.Space.Incremental && len(e.Holders) >= manyHolders && !sameSlice(e.Holders, e.last.Holders) {
			if j.spares == nil {
				j.spares = map[*Entry][]model.Holder{}
			}
			j.spares[e] = e.Holders[:0]
		}
		e.useLast()
	}
	clear(j.listed.keepLast)
}

// manyHolders is the number of holders from which on their memory is worth reusing in the next
// scan.
const manyHolders = 4

// spareHolders returns reusable memory for the holders of e that no snapshot refers to; nil if
// there is none.
func (j *joined) spareHolders(e *Entry) []model.Holder {
	room := j.spares[e]
	if room != nil {
		delete(j.spares, e)
	}
	return room
}

// sameSlice reports whether two slices are the same part of the same array.
func sameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
