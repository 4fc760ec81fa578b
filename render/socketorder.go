package render

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// socketOrder is the sort key of a socket among others of its kind, as users of ss and lsof
// expect it: sockets to which anybody may send come first, then they are sorted by address.
type socketOrder struct {
	object *model.Object
	rank   int
	local  address
	remote address
}

// The ranks of sockets.
const (
	serves  = iota // it listens, or waits for anybody's datagrams
	named          // it has an address
	unnamed        // it has no name or address
)

// address is the sort key of an address: Internet addresses as numbers, names in natural order,
// and the port last.
type address struct {
	ip   netip.Addr // the zero value, which sorts first, if name is used
	name string
	port uint64
}

func (a *address) compare(b *address) int {
	return cmp.Or(a.ip.Compare(b.ip), model.CompareIDs(a.name, b.name), cmp.Compare(a.port, b.port))
}

// inetAddress parses ADDRESS:PORT; * is any address or port. The IPv4 address of an IPv6
// socket is sorted with the IPv4 addresses.
func inetAddress(s string) address {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return address{name: s}
	}
	host := strings.Trim(s[:i], "[]")
	port, _ := strconv.ParseUint(s[i+1:], 10, 32) // 0 for * and for a name
	if host == "*" {
		return address{ip: netip.IPv6Unspecified(), port: port}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return address{name: host, port: port}
	}
	return address{ip: ip.Unmap(), port: port}
}

func orderOfSocket(o *model.Object) *socketOrder {
	s := &socketOrder{object: o, rank: named}
	switch d := o.Detail.(type) {
	case *model.InetDetail:
		s.local, s.remote = inetAddress(d.Local), inetAddress(d.Remote)
		if d.Local == "" {
			s.rank = unnamed
		}
		if listens(o) || d.State == "UNCONN" {
			s.rank = serves
		}
	case *model.VsockDetail:
		s.local, s.remote = inetAddress(d.Local), inetAddress(d.Remote)
		if d.State == "LISTEN" {
			s.rank = serves
		}
	case *model.UnixDetail:
		s.local.name = o.Name
		if o.Name == "" {
			s.rank = unnamed
		}
		if listens(o) {
			s.rank = serves
		}
	case *model.NetlinkDetail:
		s.local = address{name: d.Protocol, port: uint64(d.PortID.Or(0))}
	default: // of a kind without addresses, or a dump does not have them
		s.rank = unnamed
	}
	return s
}

// inSocketOrder takes objects in the order of a snapshot and sorts the sockets of each kind by
// their addresses. The second end of a connection directly follows the first one.
func inSocketOrder(objects []*model.Object) []*model.Object {
	var out []*model.Object
	for i := 0; i < len(objects); {
		end := i + 1
		for end < len(objects) && objects[end].Kind == objects[i].Kind {
			end++
		}
		if info, _ := model.LookupKind(objects[i].Kind); info.Category == "socket" && end > i+1 {
			if out == nil {
				out = slices.Clone(objects)
			}
			sortSockets(out[i:end])
		}
		i = end
	}
	if out == nil {
		return objects
	}
	return out
}

func sortSockets(list []*model.Object) {
	order := make([]*socketOrder, len(list))
	byID := make(map[string]*socketOrder, len(list))
	for i, o := range list {
		s := orderOfSocket(o)
		order[i], byID[o.ID] = s, s
	}
	slices.SortStableFunc(order, func(a, b *socketOrder) int {
		return cmp.Or(cmp.Compare(a.object.Host, b.object.Host), cmp.Compare(a.rank, b.rank), a.local.compare(&b.local), a.remote.compare(&b.remote))
	})
	at := 0
	put := func(s *socketOrder) {
		if s != nil && s.object != nil {
			list[at], s.object = s.object, nil
			at++
		}
	}
	for _, s := range order {
		o := s.object
		put(s)
		if o == nil || s.rank == serves {
			continue
		}
		for i := range o.Peers {
			if peer := byID[o.Peers[i].ID]; peer != nil && peer.rank != serves {
				put(peer)
			}
		}
	}
}
