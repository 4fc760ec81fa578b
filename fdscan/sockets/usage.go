package sockets

import (
	"bytes"
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/probe"
)

// To read the tables of TCP and of netlink in one namespace, the kernel walks through
// those of all network namespaces. There can be thousands of namespaces, most with a
// socket or two. So each namespace is first asked how many sockets of each protocol it
// has, which the kernel counts, and only tables with sockets are read.

// usage is how many sockets a network namespace has.
type usage struct {
	all int // of all families, without the kernel's own
	of  map[string]int
}

// precheck is [probe.Probe].Precheck.
func precheck(ns probe.NS) (result any, vacant bool) {
	// Before Linux 4.16 this counted the sockets of the whole machine.
	text, err := readNet(ns.Scan, "sockstat")
	if err != nil {
		return nil, false
	}
	all, ok := parseSockstat(text)
	if !ok || all == 0 {
		return nil, ok
	}
	of, err := readProtocols(ns.Scan)
	if err != nil {
		return nil, false
	}
	return &usage{all, of}, false
}

// usageOf returns the result of precheck for a namespace; nil: none.
func usageOf(ns probe.NS) *usage {
	u, _ := ns.PrecheckResult.(*usage)
	return u
}

// none reports whether tables of these protocols are known to be empty. A protocol that is
// missing among the counts is one that the kernel does not have at present.
func (u *usage) none(protocols ...string) bool { return u != nil && u.count(protocols...) == 0 }

// noneOf reports whether the tables of a family and its variants are known to be empty.
func (u *usage) noneOf(f *inetFamily) bool {
	for i := range f.variants {
		if !u.none(f.variants[i].counts[:]...) {
			return false
		}
	}
	return u.none(f.counts[:]...) && !(f.uncounted() && u.unlisted())
}

// uncounted reports whether a family's tables may have sockets that are not counted: TCP
// sockets that are only bound.
func (f *inetFamily) uncounted() bool { return f.protocol == unix.IPPROTO_TCP }

func (u *usage) count(protocols ...string) (n int) {
	for _, p := range protocols {
		n += u.of[p]
	}
	return n
}

// unlisted reports whether there may be sockets that the counts of protocols do not
// include: unbound ones, or those of families without a count. The kernel's own sockets are
// counted only for their protocol; if their number is equal to that of the missing ones,
// this is not noticed.
func (u *usage) unlisted() bool {
	n := 0
	for _, c := range u.of {
		n += c
	}
	return n != u.all
}

// plain reports whether a namespace seems to have no MPTCP connections. To read the table
// of MPTCP, too, the kernel walks through that of all namespaces. If MPTCP sockets are not
// counted, as on older kernels, the subflows show in the table of TCP, with CAP_NET_ADMIN.
func (f *inetFamily) plain(ns probe.NS, kept *inetKept) bool {
	u := usageOf(ns)
	if f.protocol != unix.IPPROTO_TCP || u == nil && !administers() {
		return false
	}
	if u == nil {
		of, err := readProtocols(ns.Scan)
		if err != nil {
			return false
		}
		u = &usage{of: of}
	}
	for i := range f.variants {
		if v := &f.variants[i]; !u.none(v.counts[:]...) || len(kept.get(v, ns)) > 0 {
			return false
		}
	}
	return true
}

// readPlain reads the connections of a namespace that seems to have no MPTCP
// connections. It reports false if it has some.
func (f *inetFamily) readPlain(ctx context.Context, ns probe.NS, kept *inetKept, out *probe.Collector) bool {
	stamp, stamped := out.TableStamp(ns, probe.TCPSockets)
	if stamped && out.StampUnchanged(stamp) && kept.takeOver(f, ns, stamp, out) {
		return true
	}
	begin := time.Now()
	d, err := openDiag()
	if err != nil {
		return false
	}
	defer d.close()
	t := newInetTable(f, ns, kept, nil)
	if !t.readBoth(ctx, d, out) || t.multipath {
		return false
	}
	t.emit("inet_diag", out)
	kept.put(f, ns, t.found)
	if stamped {
		kept.keepWhole(&t, stamp, begin)
		out.SetStamp(stamp, t.tally())
	}
	return true
}

// administers reports whether ipctop has CAP_NET_ADMIN.
func administers() bool {
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	return unix.Capget(&h, &d[0]) == nil && d[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0
}

// parseSockstat reads the first line of /proc/net/sockstat (net/socket.c, socket_seq_show):
//
//	sockets: used 0
func parseSockstat(text []byte) (all int, ok bool) {
	first, _, whole := bytes.Cut(text, []byte("\n"))
	digits, ok := bytes.CutPrefix(first, []byte("sockets: used "))
	n, number := parseNumber(digits, 10)
	return int(n), whole && ok && number && n < 1<<31
}

// readProtocols returns how many sockets of each protocol the thread's network
// namespace has.
func readProtocols(s *probe.Scan) (map[string]int, error) {
	text, err := readNet(s, "protocols")
	if err != nil {
		return nil, err
	}
	return parseProtocols(text)
}

// parseProtocols parses /proc/net/protocols (net/core/sock.c, proto_seq_show; Linux 2.6.12),
// which counts the sockets of the network namespace (Linux 2.6.26):
//
//	protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em
//	UNIX-STREAM 1152      3      -1   NI       0   yes  kernel      n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n
func parseProtocols(text []byte) (map[string]int, error) {
	of := map[string]int{}
	head := true
	for line := range bytes.Lines(text) {
		if head {
			head = false
			continue
		}
		var err error
		c := columns{bytes.TrimSuffix(line, []byte("\n"))}
		name := c.next()
		c.number(10, &err, "size")
		n := c.number(10, &err, "sockets")
		if err != nil {
			return nil, err
		}
		of[string(name)] += int(min(n, 1<<31-1))
	}
	return of, nil
}
