package model

import "slices"

// MakeLinks finds the channels between processes: each object or pair of peers
// through which something passes from one process to another.
func MakeLinks(objects []*Object) []*Link { return new(LinkMaker).Make(objects) }

// LinkMaker makes the links of successive snapshots of a machine. The cost depends on what has
// changed.
type LinkMaker struct {
	objects []*Object
	links   []*Link
	ends    []int32 // for each object, the end of its links in the list
	spare   []int32 // memory for the next ends
	places  []int32 // where the objects were in the previous list; reused
	list    []*Link // memory for the next links: no snapshot refers to it

	// Objects that may be the peers of others, by id.
	byID map[string]*Object
	// By the id of an object: the ids of the objects that name it as their peer although it
	// does not name them or does not exist, such as a datagram socket that others are connected to.
	oneSided map[string]map[string]bool

	a, b  []end  // reused buffers
	room  []Link // links are allocated many at a time, and so are
	pids  []int  // … their lists
	comms []string
}

// Make is [MakeLinks]. A link that has not changed since the last call is the same record.
func (m *LinkMaker) Make(objects []*Object) []*Link {
	switch {
	case m.ends == nil:
		m.byID, m.oneSided = make(map[string]*Object, len(objects)/2), map[string]map[string]bool{}
		for _, o := range objects {
			m.add(o)
		}
		m.make(objects, nil, nil)
	case !SameList(m.objects, objects):
		m.places = PlacesIn(m.places, m.objects, objects, CompareObjects)
		dirty, changed := m.changed(objects, m.places)
		if changed {
			m.make(objects, m.places, dirty)
		}
		m.objects = objects
	}
	return m.links
}

// add notes an object that may be the peer of another one.
func (m *LinkMaker) add(o *Object) {
	if info, _ := LookupKind(o.Kind); info.Category == "socket" || len(o.Peers) > 0 {
		m.byID[o.ID] = o
	}
}

// changed returns the objects whose links must be made again although the objects themselves
// are the same as before: their peers have changed in something that links are made from. If
// an object has changed only in other things, it sets the object's place, so that its links
// are reused. any is false if no link must be made again and none is gone.
func (m *LinkMaker) changed(objects []*Object, places []int32) (dirty map[*Object]bool, any bool) {
	gone := map[string]int{} // places of the old records that are not in the new list
	next := 0
	leave := func(end int) {
		for ; next < end; next++ {
			gone[m.objects[next].ID] = next
		}
	}
	for _, p := range places {
		if p >= 0 {
			leave(int(p))
			next = int(p) + 1
		}
	}
	leave(len(m.objects))

	ids := map[string]bool{}
	touch := func(o *Object) {
		any = true
		for _, p := range o.Peers {
			ids[p.ID] = true
		}
		for id := range m.oneSided[o.ID] {
			ids[id] = true
		}
	}
	for i, o := range objects {
		if places[i] >= 0 {
			continue
		}
		at, before := gone[o.ID]
		if before {
			old := m.objects[at]
			delete(gone, o.ID)
			if old.Kind == o.Kind && sameRecords(old.Holders, o.Holders) && sameRecords(old.Peers, o.Peers) {
				places[i] = int32(at)
			} else {
				touch(old)
				m.forget(old)
			}
		}
		if places[i] < 0 {
			touch(o)
		}
		m.add(o)
	}
	for _, at := range gone {
		old := m.objects[at]
		touch(old)
		m.forget(old)
		delete(m.byID, old.ID)
	}
	dirty = make(map[*Object]bool, len(ids))
	for id := range ids {
		if o := m.byID[id]; o != nil {
			dirty[o] = true
		}
	}
	return dirty, any
}

// sameRecords reports whether two lists are the same memory, or both empty.
func sameRecords[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// forget removes what [LinkMaker.note] noted about the peers of an object.
func (m *LinkMaker) forget(o *Object) {
	for _, p := range o.Peers {
		if named := m.oneSided[p.ID]; named[o.ID] {
			delete(named, o.ID)
			if len(named) == 0 {
				delete(m.oneSided, p.ID)
			}
		}
	}
}

// make makes the list of links. An object with a place in the previous list that is not dirty
// keeps its links. If nothing has changed, the list is the previous one.
func (m *LinkMaker) make(objects []*Object, places []int32, dirty map[*Object]bool) {
	before, ends := m.links, m.ends
	if m.list == nil {
		m.list = []*Link{}
	}
	m.objects, m.links, m.list = objects, slices.Grow(m.list[:0], max(len(before)+len(before)/64, len(objects)/2)), nil
	m.ends, m.spare = slices.Grow(m.spare[:0], len(objects))[:len(objects)], ends
	was := func(i int) int {
		if places == nil || len(dirty) > 0 && dirty[objects[i]] {
			return -1
		}
		return int(places[i])
	}
	for i := 0; i < len(objects); {
		at := was(i)
		if at < 0 {
			m.ofObject(objects[i])
			m.ends[i] = int32(len(m.links))
			i++
			continue
		}
		from := int32(0)
		if at > 0 {
			from = ends[at-1]
		}
		moved := int32(len(m.links)) - from
		for ; i < len(objects) && at < len(ends) && was(i) == at; i, at = i+1, at+1 {
			m.ends[i] = ends[at] + moved
		}
		m.links = append(m.links, before[from:ends[at-1]]...)
	}
	if before != nil && slices.Equal(m.links, before) {
		m.links, m.list = before, m.links
	}
}

// ofObject makes the links of an object.
func (m *LinkMaker) ofObject(o *Object) {
	info, _ := LookupKind(o.Kind)
	switch {
	case info.Direction == "none":
	case len(o.Peers) > 0:
		for _, p := range o.Peers {
			peer := m.byID[p.ID]
			switch {
			case p.ID == o.ID:
				continue
			case peer == nil || !peer.hasPeer(o.ID):
				m.note(p.ID, o.ID)
			case CompareIDs(peer.ID, o.ID) < 0:
				continue // each pair only once, even if only one names the other
			}
			if peer == nil {
				continue
			}
			m.a, m.b = ends(m.a, o.Holders, anyAccess), ends(m.b, peer.Holders, anyAccess)
			m.link(o, true)
		}
	case len(info.Ends) == 2:
		m.a, m.b = ends(m.a, flagged(o.Holders, info.Ends[0]), anyAccess), ends(m.b, flagged(o.Holders, info.Ends[1]), anyAccess)
		m.link(o, true)
	case info.Direction == "one way":
		m.a, m.b = ends(m.a, o.Holders, Access.CanWrite), ends(m.b, o.Holders, Access.CanRead)
		m.link(o, false)
	case info.Category != "socket": // for a socket without a peer, the other end is not known
		m.a, m.b = ends(m.a, o.Holders, Access.CanWrite), ends(m.b, o.Holders, anyAccess)
		m.link(o, true)
	}
}

// note notes that the object id names peer as its peer, and not vice versa.
func (m *LinkMaker) note(peer, id string) {
	if m.oneSided[peer] == nil {
		m.oneSided[peer] = map[string]bool{}
	}
	m.oneSided[peer][id] = true
}

func (o *Object) hasPeer(id string) bool {
	return slices.ContainsFunc(o.Peers, func(p Peer) bool { return p.ID == id })
}

// flagged lists the holders with a flag.
func flagged(holders []Holder, flag string) []Holder {
	var list []Holder
	for _, h := range holders {
		if h.Extent != nil && slices.Contains(h.Flags, flag) {
			list = append(list, h)
		}
	}
	return list
}

func anyAccess(Access) bool { return true }

// end is a process at one end of a channel.
type end struct {
	pid  int
	comm string
}

// ends lists the processes with the given access in list's array.
func ends(list []end, holders []Holder, may func(Access) bool) []end {
	list = list[:0]
	for i := range holders {
		h := &holders[i]
		if h.PID == 0 || !may(h.Access) || len(list) > 0 && list[len(list)-1].pid == int(h.PID) {
			continue
		}
		list = append(list, end{int(h.PID), h.Comm})
	}
	return list
}

// linkBlock is the number of links that are allocated at a time.
const linkBlock = 256

// link adds a link between the ends, unless both ends are the same single process.
func (m *LinkMaker) link(o *Object, both bool) {
	if len(m.a) == 0 || len(m.b) == 0 || len(m.a) == 1 && len(m.b) == 1 && m.a[0] == m.b[0] {
		return
	}
	if len(m.room) == 0 {
		m.room = make([]Link, linkBlock)
	}
	l := &m.room[0]
	m.room = m.room[1:]
	n := len(m.a) + len(m.b)
	if len(m.pids) < n {
		m.pids, m.comms = make([]int, max(n, 4*linkBlock)), make([]string, max(n, 4*linkBlock))
	}
	pids, comms := m.pids[:n:n], m.comms[:n:n]
	m.pids, m.comms = m.pids[n:], m.comms[n:]
	for i, e := range m.a {
		pids[i], comms[i] = e.pid, e.comm
	}
	n = len(m.a)
	for i, e := range m.b {
		pids[n+i], comms[n+i] = e.pid, e.comm
	}
	*l = Link{
		Object: o.ID, Kind: o.Kind, BothWays: both,
		From: pids[:n:n], To: pids[n:], FromComm: comms[:n:n], ToComm: comms[n:],
	}
	m.links = append(m.links, l)
}
