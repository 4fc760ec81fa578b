package model

import (
	"slices"
	"strings"
)

// CompareIDs orders ids as people count: runs of digits by their value.
func CompareIDs(a, b string) int {
	for len(a) > 0 && len(b) > 0 {
		da, db := digits(a), digits(b)
		if da == 0 || db == 0 {
			if a[0] != b[0] {
				return int(a[0]) - int(b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		na, nb := strings.TrimLeft(a[:da], "0"), strings.TrimLeft(b[:db], "0")
		if len(na) != len(nb) {
			return len(na) - len(nb)
		}
		if c := strings.Compare(na, nb); c != 0 {
			return c
		}
		a, b = a[da:], b[db:]
	}
	return len(a) - len(b)
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// MakeLinks finds the channels between processes: each object or pair of peers
// through which something passes from one process to another.
func MakeLinks(objects []*Object) []*Link {
	// The other end need not have a peer itself: a datagram socket that others
	// are connected to, a listener.
	byID := map[string]*Object{}
	for i := range objects {
		for _, p := range objects[i].Peers {
			byID[p.ID] = nil
		}
	}
	for i := range objects {
		if _, ok := byID[objects[i].ID]; ok {
			byID[objects[i].ID] = objects[i]
		}
	}
	links := make([]*Link, 0, len(objects)/2)
	var a, b []end // used again and again
	for i := range objects {
		o := objects[i]
		info, _ := LookupKind(o.Kind)
		switch {
		case info.Direction == "none":
		case len(o.Peers) > 0:
			for _, p := range o.Peers {
				peer := byID[p.ID]
				// Each pair once, also where only one of them names the other.
				if peer == nil || peer.hasPeer(o.ID) && CompareIDs(peer.ID, o.ID) < 0 || peer.ID == o.ID {
					continue
				}
				a, b = ends(a, o.Holders, anyAccess), ends(b, peer.Holders, anyAccess)
				links = appendLink(links, o, a, b, true)
			}
		case len(info.Ends) == 2:
			a, b = ends(a, flagged(o.Holders, info.Ends[0]), anyAccess), ends(b, flagged(o.Holders, info.Ends[1]), anyAccess)
			links = appendLink(links, o, a, b, true)
		case info.Direction == "one way":
			a, b = ends(a, o.Holders, Access.CanWrite), ends(b, o.Holders, Access.CanRead)
			links = appendLink(links, o, a, b, false)
		case info.Category != "socket": // a socket without a peer talks to nobody we know
			a, b = ends(a, o.Holders, Access.CanWrite), ends(b, o.Holders, anyAccess)
			links = appendLink(links, o, a, b, true)
		}
	}
	return links
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

// appendLink adds a link unless there is but one process at both its ends.
func appendLink(links []*Link, o *Object, from, to []end, both bool) []*Link {
	if len(from) == 0 || len(to) == 0 || len(from) == 1 && len(to) == 1 && from[0] == to[0] {
		return links
	}
	// Both ends' lists lie in one array each: there may be a link for every
	// pair of descriptors.
	n := len(from)
	pids, comms := make([]int, n+len(to)), make([]string, n+len(to))
	for i, e := range from {
		pids[i], comms[i] = e.pid, e.comm
	}
	for i, e := range to {
		pids[n+i], comms[n+i] = e.pid, e.comm
	}
	return append(links, &Link{
		Object: o.ID, Kind: o.Kind, BothWays: both,
		From: pids[:n:n], To: pids[n:], FromComm: comms[:n:n], ToComm: comms[n:],
	})
}
