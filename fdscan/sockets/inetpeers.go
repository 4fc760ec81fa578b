package sockets

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// The two ends of a connection on one machine have the same addresses, with
// local and remote swapped.

// matchTCP finds peers within one network namespace. If the other end has not
// been accepted yet, its listener is taken instead.
func matchTCP(ends []inetEnd, out *probe.Collector) {
	flows := flowsOf(ends)
	listeners := map[endpoint]int{}
	for i := range ends {
		if e := &ends[i]; e.state == tcpListen && e.ino != 0 {
			switch at, ok := listeners[e.local]; {
			case !ok:
				listeners[e.local] = i
			case at != ambiguous && ends[at].ino != e.ino:
				listeners[e.local] = ambiguous // SO_REUSEPORT
			}
		}
	}
	for i := range ends {
		e := &ends[i]
		if !e.connected() || e.ino == 0 {
			continue
		}
		at, ok := flows[e.swapped()]
		switch {
		case ok && at == ambiguous:
		case ok && ends[at].ino != 0:
			out.Peer(Key(e.ino), Key(ends[at].ino), model.Certain)
		case ok && ends[at].waitsForAccept(), !ok && e.state == tcpSynSent && (e.remote.isLoopback() || e.remote.addr == e.local.addr):
			if l := listenerFor(listeners, ends, e.remote); l != 0 {
				out.Peer(Key(e.ino), Key(l), model.Likely)
			}
		}
	}
}

// matchUDP finds pairs that are connected to each other.
func matchUDP(ends []inetEnd, out *probe.Collector) {
	flows := flowsOf(ends)
	for i := range ends {
		e := &ends[i]
		if !e.connected() || e.ino == 0 {
			continue
		}
		if at, ok := flows[e.swapped()]; ok && at != ambiguous && ends[at].ino != 0 {
			out.Peer(Key(e.ino), Key(ends[at].ino), model.Certain)
		}
	}
}

func (e *inetEnd) connected() bool {
	return e.remote.port != 0 && e.state != tcpListen && e.state != tcpBound
}

// waitsForAccept reports whether an end without an inode has not been accepted
// yet. Closed ends are in other states.
func (e *inetEnd) waitsForAccept() bool {
	switch e.state {
	case tcpEstab, tcpSynRecv, tcpNewRecv, tcpCloseWait:
		return true
	}
	return false
}

// ambiguous marks a flow or endpoint that several sockets share.
const ambiguous = -1

// flowsOf finds ends by their flow. If a table changes while it is read, it may
// list a socket twice, for example once before and once after it was accepted.
func flowsOf(ends []inetEnd) map[flow]int {
	flows := make(map[flow]int, len(ends))
	for i := range ends {
		e := &ends[i]
		if !e.connected() {
			continue
		}
		at, ok := flows[e.flow]
		switch {
		case !ok, at != ambiguous && ends[at].ino == 0:
			flows[e.flow] = i
		case at == ambiguous, ends[at].ino == e.ino, e.ino == 0:
		default:
			flows[e.flow] = ambiguous // SO_REUSEPORT, SO_BINDTODEVICE
		}
	}
	return flows
}

// listenerFor returns the inode of the only listener that a connection to an
// address reaches; 0 if there is none or if several share the port.
func listenerFor(listeners map[endpoint]int, ends []inetEnd, to endpoint) uint64 {
	any4, any6 := to, to
	any4.setV4([4]byte{})
	any6.addr = [16]byte{}
	candidates := [3]endpoint{to, any4, any6}
	for n, c := range candidates {
		if n == 1 && !to.isMapped() {
			continue
		}
		at, ok := listeners[c]
		switch {
		case !ok, at != ambiguous && n == 2 && to.isMapped() && ends[at].v6only:
		case at == ambiguous:
			return 0
		default:
			return ends[at].ino
		}
	}
	return 0
}

// matchAcross finds peers in different network namespaces, such as containers
// on a bridge.
func matchAcross(kind model.Kind) func(context.Context, *probe.Index, *probe.Collector) {
	return func(_ context.Context, idx *probe.Index, out *probe.Collector) {
		if len(netNamespaces(idx)) < 2 {
			return
		}
		var ends []farEnd
		for e := range idx.Among(Space) {
			d, ok := e.Object.Detail.(*model.InetDetail)
			if ok && e.Object.Kind == kind && e.Object.Namespace != nil && hasRemote(d) {
				ends = append(ends, farEnd{unmapped(d.Local), unmapped(d.Remote), e.Object.Namespace.Inode, e.Key})
			}
		}
		pairAcross(ends, func(from, to farEnd) { out.Peer(from.key, to.key, model.Likely) })
	}
}

// farEnd is an end of a connection that may lead into another namespace.
type farEnd struct {
	local, remote string
	namespace     uint64
	key           probe.Key
}

func (e farEnd) compare(o farEnd) int {
	return cmp.Or(strings.Compare(e.local, o.local), strings.Compare(e.remote, o.remote))
}

// pairAcross calls emit for each end and its peer, in both directions.
// Different host-internal networks often use the same addresses, so a pair is
// taken only if no other connection has the addresses of either end. It sorts
// ends.
func pairAcross(ends []farEnd, emit func(from, to farEnd)) {
	slices.SortFunc(ends, farEnd.compare)
	only := func(e farEnd) (farEnd, bool) {
		at, ok := slices.BinarySearchFunc(ends, e, farEnd.compare)
		if !ok || at+1 < len(ends) && ends[at+1].compare(e) == 0 {
			return farEnd{}, false
		}
		return ends[at], true
	}
	for _, e := range ends {
		if _, ok := only(e); !ok {
			continue
		}
		if peer, ok := only(farEnd{local: e.remote, remote: e.local}); ok && peer.namespace != e.namespace {
			emit(e, peer)
		}
	}
}

// hasRemote reports whether the detail is that of a connection that may leave
// its namespace.
func hasRemote(d *model.InetDetail) bool {
	switch {
	case d.Remote == "", strings.HasSuffix(d.Remote, ":*"):
	case strings.HasPrefix(d.Remote, "127."), strings.HasPrefix(d.Remote, "[::1]:"), strings.HasPrefix(d.Remote, "[::ffff:127."):
	default:
		return true
	}
	return false
}

// unmapped turns [::ffff:192.0.2.1]:80 into 192.0.2.1:80.
func unmapped(s string) string {
	rest, ok := strings.CutPrefix(s, "[::ffff:")
	addr, port, ok2 := strings.Cut(rest, "]")
	if !ok || !ok2 || !strings.Contains(addr, ".") {
		return s
	}
	return addr + port
}
