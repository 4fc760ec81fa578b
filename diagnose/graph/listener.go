package graph

import (
	"cmp"
	"net/netip"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// endpoint is an address to connect or send to: a path, @ and an abstract name, or an
// address and port, in a network namespace.
type endpoint struct {
	name string
	net  uint64
}

// boundFile is the file to which a socket is bound; unix_diag reports only the low half (32
// bits) of the inode number.
type boundFile struct {
	host, dev string
	ino       uint32
}

// namedElsewhere is a name of sockets without those that are bound to files on one device.
type namedElsewhere struct {
	endpoint

	device string
}

// indexListeners indexes the sockets that accept connections or datagrams by their addresses.
func (g *Graph) indexListeners() {
	g.listeners, g.pending = map[endpoint]*model.Object{}, map[string]*model.Object{}
	g.named, g.bound, g.only = map[endpoint][]*model.Object{}, map[boundFile]*model.Object{}, map[namedElsewhere]*model.Object{}
	for _, o := range g.Marked(Reachable) {
		ns := uint64(0)
		if o.Namespace != nil {
			ns = o.Namespace.Inode
		}
		switch d := o.Detail.(type) {
		case *model.UnixDetail:
			if d.Path != "" || d.Abstract != "" {
				at := endpoint{cmp.Or(cleanPath(d.Path), "@"+d.Abstract), ns}
				g.named[at] = append(g.named[at], o)
			}
			if d.PathIno != 0 {
				g.bound[boundFile{o.Host, d.PathDev, uint32(d.PathIno)}] = o
			}
			for _, id := range d.Pending {
				g.pending[id] = o
			}
		case *model.InetDetail:
			g.listeners[endpoint{d.Local, ns}] = o
		}
	}
}

// cleanPath replaces /var/run, which is a symbolic link, by /run.
func cleanPath(path string) string {
	if rest, ok := strings.CutPrefix(path, "/var/run/"); ok {
		return "/run/" + rest
	}
	return path
}

// ListenerOf returns the listening socket to which a TCP socket is connected or connecting, or in
// whose accept queue a UNIX socket waits, on this machine or another host of the snapshot; nil if
// there is none, or none is known.
func (g *Graph) ListenerOf(o *model.Object) *model.Object {
	if g.listeners == nil {
		g.indexListeners()
	}
	if l := g.pending[o.ID]; l != nil {
		return l
	}
	d, ok := o.Detail.(*model.InetDetail)
	if !ok || o.Kind != model.TCP || d.Remote == "" || d.State == "LISTEN" {
		return nil
	}
	ns := uint64(0)
	if o.Namespace != nil {
		ns = o.Namespace.Inode
	}
	if l := g.listeners[endpoint{d.Remote, ns}]; l != nil {
		return l
	}
	// The listener may be bound to all addresses. The connection goes to this machine if the
	// remote address is a loopback address, or equals the local one, as the kernel chooses it.
	remote, err1 := netip.ParseAddrPort(d.Remote)
	local, err2 := netip.ParseAddrPort(d.Local)
	if err1 != nil || !remote.Addr().IsLoopback() && (err2 != nil || remote.Addr() != local.Addr()) {
		return g.elsewhere(o, d)
	}
	port := d.Remote[strings.LastIndexByte(d.Remote, ':'):]
	for _, host := range []string{"*", "0.0.0.0", "[::]"} {
		if l := g.listeners[endpoint{host + port, ns}]; l != nil {
			return l
		}
	}
	return nil
}

// destination returns the socket that a call names by a path: the one that is bound to the
// file at that path, else the only one with that name.
func (g *Graph) destination(n *node) *model.Object {
	if g.listeners == nil {
		g.indexListeners()
	}
	t := n.wait.Target
	if t == nil || t.Path == "" {
		return nil
	}
	if o := g.bound[boundFile{n.process.Host, t.PathDev, uint32(t.PathIno)}]; o != nil && t.PathIno != 0 {
		return o
	}
	elsewhere := ""
	if t.PathIno != 0 {
		elsewhere = t.PathDev
	}
	for _, net := range []uint64{n.process.Namespaces["net"], 0} {
		if o := g.onlyNamed(endpoint{cleanPath(t.Path), net}, elsewhere); o != nil {
			return o
		}
	}
	return nil
}

// onlyNamed returns the socket with a name if there is exactly one, without those that are known to be
// bound to files on the device elsewhere. The result is cached for all that connect or send to that name.
func (g *Graph) onlyNamed(at endpoint, elsewhere string) *model.Object {
	key := namedElsewhere{at, elsewhere}
	if o, known := g.only[key]; known {
		return o
	}
	var only *model.Object
	for _, o := range g.named[at] {
		if d := o.Detail.(*model.UnixDetail); elsewhere != "" && d.PathIno != 0 && d.PathDev == elsewhere {
			continue
		}
		if only != nil {
			only = nil
			break
		}
		only = o
	}
	g.only[key] = only
	return only
}

// connect returns the clause of a thread in connect(2): the listener's holders can accept a connection.
func (g *Graph) connect(n *node) Clause {
	l := g.destination(n)
	if o := g.Object(n.wait.Object); l == nil && o != nil {
		l = g.ListenerOf(o)
	}
	if l == nil {
		return unknown("who is to accept the connection is not known")
	}
	c := Clause{Object: l.ID, How: "must accept the connection", Confidence: model.Certain}
	g.weakenAcrossHosts(&c, g.Object(n.wait.Object), l)
	g.holders(&c, l, anySide)
	if c.closed && len(c.Processes) == 0 {
		c.ended = endClosed
	}
	if l.Kind == model.TCP {
		c.weaken(External, "the kernel gives up connecting after a while")
	}
	return c
}

// unconnected: a datagram goes to the socket that the call names; a connection in an
// accept queue waits for the holders of the listening socket.
func (g *Graph) unconnected(n *node, c *Clause, o *model.Object, writes bool) {
	if d, ok := o.Detail.(*model.UnixDetail); ok && d.Type == "dgram" && writes {
		if to := g.destination(n); to != nil {
			c.Object = to.ID
			g.holders(c, to, anySide)
			return
		}
	}
	if l := g.ListenerOf(o); l != nil {
		c.Object, c.How = l.ID, "must accept the connection"
		g.weakenAcrossHosts(c, o, l)
		g.holders(c, l, anySide)
		return
	}
	c.weaken(External, "the other end of "+o.ID+" is "+g.otherEndLocation()+", or not shown")
}

// Listening reports whether an object is a listening socket.
func Listening(o *model.Object) bool {
	switch d := o.Detail.(type) {
	case *model.UnixDetail:
		return d.State == "listen"
	case *model.InetDetail:
		return d.State == "LISTEN"
	}
	return false
}

// accepted reports whether a socket was probably accepted from a listener: it has
// the listener's name.
func accepted(l, o *model.Object) bool {
	if o == l || !Listening(l) || o.Kind != l.Kind || o.Namespace != nil && l.Namespace != nil && *o.Namespace != *l.Namespace {
		return false
	}
	switch d := o.Detail.(type) {
	case *model.UnixDetail:
		of := l.Detail.(*model.UnixDetail)
		return d.State != "listen" && d.State != "stale" && (d.Path != "" && d.Path == of.Path && d.PathIno == of.PathIno && d.PathDev == of.PathDev || d.Abstract != "" && d.Abstract == of.Abstract)
	case *model.InetDetail:
		of := l.Detail.(*model.InetDetail)
		host := of.Local[:max(strings.LastIndexByte(of.Local, ':'), 0)]
		everywhere := host == "*" || host == "0.0.0.0" || host == "[::]"
		return d.State != "LISTEN" && (d.Local == of.Local || everywhere && strings.HasSuffix(d.Local, of.Local[len(host):]))
	}
	return false
}
