package graph

import (
	"net/netip"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// manyNamespaces marks an address that several network namespaces have.
const manyNamespaces = 0

// elsewhere returns the listening socket of another host in whose queue a connection waits to be
// accepted, judged by addresses; nil if the snapshot has only one host, or if no such socket is
// known. It is only for connections whose other end is on none of the hosts.
func (g *Graph) elsewhere(o *model.Object, d *model.InetDetail) *model.Object {
	remote, err := netip.ParseAddrPort(d.Remote)
	if len(g.Snapshot.Hosts) == 0 || len(o.Peers) > 0 || err != nil || remote.Addr().IsLoopback() {
		return nil
	}
	if g.addresses == nil {
		g.indexAddresses()
	}
	net := g.addresses[remote.Addr().Unmap()]
	if net == manyNamespaces {
		return nil
	}
	port := d.Remote[strings.LastIndexByte(d.Remote, ':'):]
	for _, name := range []string{netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()).String(), d.Remote, "*" + port, "0.0.0.0" + port, "[::]" + port} {
		l := g.listeners[endpoint{name, net}]
		if l == nil || l.Host == o.Host {
			continue
		}
		// If nothing waits to be accepted there, this connection does not either.
		if waiting, ok := l.Detail.(*model.InetDetail); ok && waiting.Backlog.Or(0) > 0 {
			return l
		}
	}
	return nil
}

// indexAddresses records which network namespace has which address.
func (g *Graph) indexAddresses() {
	g.addresses = map[netip.Addr]uint64{}
	own := func(a netip.Addr, net uint64) {
		a = a.Unmap()
		if a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast() {
			return
		}
		if before, ok := g.addresses[a]; ok && before != net {
			net = manyNamespaces
		}
		g.addresses[a] = net
	}
	for i := range g.Snapshot.Hosts {
		h := &g.Snapshot.Hosts[i].Host
		for _, text := range h.Addresses {
			if a, err := netip.ParseAddr(text); err == nil {
				own(a, h.Namespaces["net"])
			}
		}
	}
	for _, o := range g.Snapshot.Objects {
		if d, ok := o.Detail.(*model.InetDetail); ok && o.Namespace != nil {
			if a, err := netip.ParseAddrPort(d.Local); err == nil {
				own(a.Addr(), o.Namespace.Inode)
			}
		}
	}
}

// weakenAcrossHosts weakens a clause in which one host waits for another: that these two sockets belong
// together is inferred from addresses.
func (g *Graph) weakenAcrossHosts(c *Clause, o, listener *model.Object) {
	if o != nil && o.Host != listener.Host {
		c.Confidence = model.Likely
		c.weaken(Unlikely, "that the connection waits at "+listener.ID+" was inferred from its address")
	}
}

// otherEndLocation says where the other end of a connection is if no process of the snapshot has it.
func (g *Graph) otherEndLocation() string {
	if len(g.Snapshot.Hosts) > 0 {
		return "on none of these hosts"
	}
	return "not on this machine"
}
