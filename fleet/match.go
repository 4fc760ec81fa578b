package fleet

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// end is one end of a connection that may lead to another host.
type end struct {
	object        *model.Object
	host          int // index in the snapshot's hosts
	local, remote string
}

// pair are the two ends of a connection between two hosts.
type pair struct{ a, b *end }

// Probe is the probe name in gaps about connections between hosts.
const Probe = "hosts"

// match finds the other ends of connections on other hosts and makes them peers. It returns
// the pairs that are not in doubt.
func match(s *model.Snapshot) []pair {
	var sure []pair
	for i := range s.Hosts {
		if s.Hosts[i].Scan.Redacted {
			s.Gaps = append(s.Gaps, model.Gap{
				Probe: Probe, Reason: model.Unsupported, Host: s.Hosts[i].Name, Op: "match connections", Count: 1,
				Detail: "its addresses were replaced (--redact) before the hosts were put together",
			})
		}
	}
	for _, kind := range []model.Kind{model.TCP, model.Vsock} {
		m := newMatcher(s, kind)
		for i := range m.ends {
			m.find(&m.ends[i])
		}
		m.say(s)
		sure = append(sure, m.sure...)
	}
	return sure
}

type matcher struct {
	ends    []end
	byFlow  map[[2]string][]*end // by local and remote address
	byLocal map[string][]*end    // by the local address only
	remote  map[string][]*end    // by the remote address only
	owners  map[string]int       // by address: the host that has it, or manyHosts
	sure    []pair
	doubts  map[string]*doubt // by text
}

// manyHosts marks an address that several hosts have.
const manyHosts = -1

type doubt struct {
	example string
	count   int
}

func newMatcher(s *model.Snapshot, kind model.Kind) *matcher {
	m := &matcher{byFlow: map[[2]string][]*end{}, byLocal: map[string][]*end{}, remote: map[string][]*end{}, owners: map[string]int{}, doubts: map[string]*doubt{}}
	places := map[string]int{}
	for i := range s.Hosts {
		places[s.Hosts[i].Name] = i
		for _, a := range s.Hosts[i].Host.Addresses {
			m.own(a, i)
		}
	}
	for _, o := range s.Objects {
		host, ok := places[o.Host]
		if o.Kind != kind || !ok || s.Hosts[host].Scan.Redacted {
			continue
		}
		local, remote := addresses(o)
		if address := addressOf(local); address != "" {
			m.own(address, host)
		}
		if connected(local, remote, o) {
			m.ends = append(m.ends, end{o, host, local, remote})
		}
	}
	for i := range m.ends {
		e := &m.ends[i]
		m.byFlow[[2]string{e.local, e.remote}] = append(m.byFlow[[2]string{e.local, e.remote}], e)
		m.remote[e.remote] = append(m.remote[e.remote], e)
		m.byLocal[e.local] = append(m.byLocal[e.local], e)
	}
	return m
}

// own records that a host has an address.
func (m *matcher) own(address string, host int) {
	if before, ok := m.owners[address]; ok && before != host {
		host = manyHosts
	}
	m.owners[address] = host
}

// find finds the other end of a connection on another host, unless it has a peer on its own host.
func (m *matcher) find(e *end) {
	if len(e.object.Peers) > 0 && hasOwnPeer(e) {
		return
	}
	others := elsewhere(m.byFlow[[2]string{e.remote, e.local}], e.host)
	if e.object.Kind == model.Vsock {
		m.virtual(e, others)
		return
	}
	switch {
	case len(others) == 1 && len(elsewhere(m.byFlow[[2]string{e.local, e.remote}], e.host)) == 0:
		confidence := model.Likely
		if m.owners[addressOf(e.local)] == manyHosts || m.owners[addressOf(e.remote)] == manyHosts {
			confidence = model.Possible
			m.doubt("several hosts have one of the addresses, as containers and private networks do; treated as one connection because the ports match", e)
		} else if e.host < others[0].host {
			m.sure = append(m.sure, pair{e, others[0]})
		}
		add(e.object, others[0].object.ID, confidence)
	case len(others) > 0:
		m.doubt("the peer could be on several hosts, which have the same addresses: no peer was chosen", e)
	default:
		m.translated(e)
	}
}

// translated finds the other end if the server's address was translated on the way, as for published
// ports of containers and services of clusters. The client's address and port stay the same.
func (m *matcher) translated(e *end) {
	servers := elsewhere(m.remote[e.local], e.host)
	if len(servers) == 1 && len(elsewhere(m.byFlow[[2]string{servers[0].remote, servers[0].local}], servers[0].host)) == 0 {
		add(e.object, servers[0].object.ID, model.Possible)
		m.doubt("the server's address is another one at its own end, as where it is translated (published ports, services); taken for one connection: the client's address and port fit", e)
		return
	}
	clients := elsewhere(m.byLocal[e.remote], e.host)
	if len(clients) == 1 && len(elsewhere(m.byFlow[[2]string{clients[0].remote, clients[0].local}], clients[0].host)) == 0 {
		add(e.object, clients[0].object.ID, model.Possible)
		return // reported at the client's end
	}
	if owner, ok := m.owners[addressOf(e.remote)]; ok && owner != e.host && owner != manyHosts {
		m.doubt("a host given has the address, but not this connection: it is older or newer than that host's snapshot, waits to be accepted, or addresses are translated on the way", e)
	}
}

// doubt records a doubt about a connection.
func (m *matcher) doubt(text string, e *end) {
	d := m.doubts[text]
	if d == nil {
		d = &doubt{example: e.object.ID}
		m.doubts[text] = d
	}
	d.count++
}

// say adds the doubts to the snapshot's gaps.
func (m *matcher) say(s *model.Snapshot) {
	var list []model.Gap
	for text, d := range m.doubts {
		list = append(list, model.Gap{Probe: Probe, Reason: model.Other, Op: "match connections", Object: d.example, Detail: text, Count: d.count})
	}
	slices.SortFunc(list, func(a, b model.Gap) int { return cmp.Compare(a.Detail, b.Detail) })
	s.Gaps = append(s.Gaps, list...)
}

func add(o *model.Object, peer string, confidence model.Confidence) {
	o.Peers = append(slices.Clip(o.Peers), model.Peer{ID: peer, Confidence: confidence})
}

// hasOwnPeer reports whether an end has a peer on its own host.
func hasOwnPeer(e *end) bool {
	return slices.ContainsFunc(e.object.Peers, func(p model.Peer) bool { return strings.HasSuffix(p.ID, "@"+e.object.Host) })
}

// elsewhere are the ends on other hosts.
func elsewhere(list []*end, host int) []*end {
	var others []*end
	for _, e := range list {
		if e.host != host {
			others = append(others, e)
		}
	}
	return others
}

// addresses are the two addresses of a connection; "" where there is none.
func addresses(o *model.Object) (local, remote string) {
	switch d := o.Detail.(type) {
	case *model.InetDetail:
		return normal(d.Local), normal(d.Remote)
	case *model.VsockDetail:
		return portOf(d.Local), portOf(d.Remote)
	}
	return "", ""
}

// normal writes an IPv4 address that is mapped into IPv6 (::ffff:192.0.2.1) as IPv4.
func normal(s string) string {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return s
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String()
}

// addressOf is an address without its port; "" for addresses that do not identify a host:
// loopback, unspecified and link-local.
func addressOf(s string) string {
	if a, err := netip.ParseAddrPort(s); err == nil {
		if a.Addr().IsLoopback() || a.Addr().IsUnspecified() || a.Addr().IsLinkLocalUnicast() {
			return ""
		}
		return a.Addr().String()
	}
	return ""
}

// connected reports whether an object is an end of a connection that may lead to another host.
func connected(local, remote string, o *model.Object) bool {
	switch d := o.Detail.(type) {
	case *model.InetDetail:
		a, err := netip.ParseAddrPort(remote)
		b, err2 := netip.ParseAddrPort(local)
		return err == nil && err2 == nil && d.State != "LISTEN" && d.State != "CLOSE" && a.Port() != 0 && !a.Addr().IsLoopback() && !b.Addr().IsLoopback()
	case *model.VsockDetail:
		return d.State == "ESTAB" && local != "" && remote != "" && contextOf(d.Remote) != loopbackContext
	}
	return false
}
