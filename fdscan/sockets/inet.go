package sockets

import (
	"context"
	"errors"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// inetFamily is one protocol over IPv4 and IPv6. Its tables come from
// inet_diag, or else from /proc/net.
type inetFamily struct {
	kind     model.Kind
	protocol uint16    // IPPROTO_*; 0: there is no inet_diag for it
	name     string    // of the protocol, if it is not the usual one of its kind
	tables   [2]string // in /proc/net: IPv4, IPv6
	counts   [2]string // the names of its protocols in /proc/net/protocols, for counting its sockets
	states   *[16]string
	// portless: the field of the port has the IP protocol
	portless bool
	match    func(ends []inetEnd, out *probe.Collector)
	// variants are other protocols whose sockets are of this kind. A record of a
	// variant counts before one of the family for the same socket.
	variants []inetFamily
}

// inetSock is a socket as a table lists it.
type inetSock struct {
	flow
	v6, v6only           bool
	state                uint8
	recvQueue, sendQueue uint32
	halfQueues           bool // listener in /proc/net/tcp: the limit of the backlog is missing
	ino                  uint64
	uid                  uint32
	cookie               uint64
	iface                uint32
	hasIface             bool
	mem                  sockMeminfo
	drops                uint64
	hasDrops             bool
	shutdown             string
	subflow              bool // of an MPTCP connection
	multipath            bool // … or of a listener for such

	retransmits, backoff         model.Opt[int64]
	lastRecv, lastSend           model.Opt[int64] // ns
	rto, timerExpires            model.Opt[int64] // ns
	timer                        string
	sent, acked, received        model.Opt[int64] // bytes
	notSent, unacknowledged      model.Opt[int64] // bytes
	windowLimited, bufferLimited model.Opt[int64] // ns
}

// discountFlags subtracts SYN and FIN from the queues, as the kernel counts
// queues by sequence numbers: ss shows one byte to be read where there is only
// the end of the stream.
func (s *inetSock) discountFlags() {
	switch s.state { // the other side's FIN has been received
	case tcpCloseWait, tcpLastAck, tcpClosing:
		s.recvQueue -= min(s.recvQueue, 1)
	}
	switch s.state { // our FIN or SYN is not acknowledged yet
	case tcpSynSent, tcpFinWait1, tcpLastAck, tcpClosing:
		s.sendQueue -= min(s.sendQueue, 1)
	}
}

// flow is a connection as seen from one of its ends.
type flow struct{ local, remote endpoint }

func (f flow) swapped() flow { return flow{f.remote, f.local} }

// endpoint is an address and port. An IPv4 address is kept in the form of the
// IPv6 address to which it is mapped (RFC 4291, 2.5.5.2), so that the two ends
// of a connection match even if one of them uses an IPv6 socket.
type endpoint struct {
	addr [16]byte
	port uint16
}

var mappedPrefix = [12]byte{10: 0xff, 11: 0xff}

// setV4 sets an IPv4 address.
func (e *endpoint) setV4(b [4]byte) {
	copy(e.addr[:], mappedPrefix[:])
	copy(e.addr[12:], b[:])
}

func (e *endpoint) isMapped() bool { return [12]byte(e.addr[:12]) == mappedPrefix }

func (e *endpoint) isAny() bool {
	return e.addr == [16]byte{} || e.isMapped() && [4]byte(e.addr[12:]) == [4]byte{}
}

// isLoopback reports 127.0.0.0/8 and ::1.
func (e *endpoint) isLoopback() bool {
	return e.isMapped() && e.addr[12] == 127 || e.addr == [16]byte{15: 1}
}

// append writes the endpoint as ss -n does: an IPv6 wildcard that also accepts
// IPv4 is *, port 0 is *.
func (e *endpoint) append(b []byte, v6, v6only bool) []byte {
	switch {
	case !v6:
		b = netip.AddrFrom4([4]byte(e.addr[12:])).AppendTo(b)
	case !v6only && e.addr == [16]byte{}:
		b = append(b, '*')
	default:
		b = append(netip.AddrFrom16(e.addr).AppendTo(append(b, '[')), ']')
	}
	if e.port == 0 {
		return append(b, ":*"...)
	}
	return strconv.AppendUint(append(b, ':'), uint64(e.port), 10)
}

// States of TCP (net/tcp_states.h) as ss prints them, except CLOSE, which ss calls
// UNCONN. 13 is a socket that is only bound; the kernel lists these since Linux
// 6.8. On older kernels, and before it is bound, such a socket is in no table.
var tcpStates = [16]string{
	1: "ESTAB", 2: "SYN-SENT", 3: "SYN-RECV", 4: "FIN-WAIT-1", 5: "FIN-WAIT-2", 6: "TIME-WAIT", 7: "CLOSE", 8: "CLOSE-WAIT",
	9: "LAST-ACK", tcpListen: "LISTEN", 11: "CLOSING", 12: "SYN-RECV", 13: "CLOSE",
}

// datagramStates are the states of sockets without connections.
var datagramStates = [16]string{1: "ESTAB", 7: "UNCONN"}

const (
	tcpEstab     = 1
	tcpSynSent   = 2
	tcpSynRecv   = 3
	tcpFinWait1  = 4
	tcpTimeWait  = 6
	tcpClose     = 7
	tcpCloseWait = 8
	tcpLastAck   = 9
	tcpClosing   = 11
	tcpNewRecv   = 12
	tcpBound     = 13
)

// inetEnd has the fields of a socket that are needed to match peers.
type inetEnd struct {
	flow
	ino    uint64
	state  uint8
	v6only bool
}

// read reads the tables of one network namespace, those of the variants first: if
// there are two records for one socket, the first counts.
func (f *inetFamily) read(ctx context.Context, ns probe.NS, kept *inetKept, out *probe.Collector) error {
	if usageOf(ns).noneOf(f) || f.plain(ns, kept) && f.readPlain(ctx, ns, kept, out) {
		return nil
	}
	known := map[uint64]bool{}
	for i := range f.variants {
		if usageOf(ns).none(f.variants[i].counts[:]...) {
			continue
		}
		err := f.variants[i].readOne(ctx, ns, known, kept, out)
		if err != nil && !errors.Is(err, errors.ErrUnsupported) {
			out.Fail("read "+f.variants[i].name, "", err)
		}
	}
	return f.readOne(ctx, ns, known, kept, out)
}

// readOne reads the tables of one protocol. known are the sockets that were in the
// tables of variants.
func (f *inetFamily) readOne(ctx context.Context, ns probe.NS, known map[uint64]bool, kept *inetKept, out *probe.Collector) error {
	t := newInetTable(f, ns, kept, known)
	var d *diag
	err := error(errNoDiag)
	if f.protocol != 0 {
		if d, err = openDiag(); err == nil {
			defer d.close()
		}
	}
	how := "inet_diag"
	both := d != nil && t.readBoth(ctx, d, out)
	for i, v6 := range [2]bool{false, true} {
		if !f.uncounted() && usageOf(ns).none(f.counts[i]) {
			continue
		}
		switch {
		case both:
			err = nil
		case d != nil:
			err = t.readDiag(ctx, d, v6, out)
		}
		if err == nil {
			continue
		}
		if f.tables[i] == "" {
			return err
		}
		text, err2 := readNet(ns.Scan, f.tables[i])
		switch {
		case missingTable(err2) && v6: // a kernel without IPv6
			continue
		case missingTable(err2):
			return err
		case err2 != nil:
			return errors.Join(err, err2)
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			out.Fail("read inet_diag", "", err)
		}
		how = "proc"
		t.readProc(text, v6, out)
	}
	t.emit(how, out)
	kept.put(f, ns, t.found)
	return nil
}

// emit emits what was found, and which interface was used.
func (t *inetTable) emit(how string, out *probe.Collector) {
	f := t.family
	if f.name == "" {
		out.Backend(string(f.kind), how)
	}
	out.Expect(len(t.objects), len(t.objects))
	for _, o := range t.objects {
		out.Object(Key(uint64(o.Ino)), o)
		if f.name != "" {
			t.known[uint64(o.Ino)] = true
		}
	}
	if f.match != nil {
		f.match(t.ends, out)
	}
}

// inetTable collects the content of a namespace's tables.
type inetTable struct {
	family  *inetFamily
	ns      probe.NS
	known   map[uint64]bool
	objects []*model.Object
	ends    []inetEnd
	scratch [128]byte

	keeps  bool         // found is kept for the next scan
	before []*inetFound // found in the last scan
	next   int          // index in before of the socket that probably comes next
	found  []*inetFound

	multipath bool // some sockets are subflows of MPTCP connections
}

// readBoth reads the tables of IPv4 and IPv6 with one request, and reports whether that is
// possible. One request is better than two: for each, the kernel walks through the connections
// of all network namespaces, and through all bound sockets. If listeners are the only sockets
// that are counted, it asks only for these.
func (t *inetTable) readBoth(ctx context.Context, d *diag, out *probe.Collector) bool {
	if t.family.protocol != unix.IPPROTO_TCP {
		return false
	}
	read := func(states uint32) bool {
		return states == 0 || t.readAs(ctx, d, tcpDiagGetSock, tcpDiagRequest(states), out) == nil
	}
	u := usageOf(t.ns)
	if u == nil {
		return read(tcpAsked)
	}
	begin, states := *t, uint32(0)
	if n := u.count(t.family.counts[:]...); n > 0 {
		if !read(1 << tcpListen) {
			return false
		}
		if len(t.ends)-len(begin.ends) < n {
			states = tcpAsked &^ (1<<tcpListen | 1<<tcpBound)
		}
	}
	if u.unlisted() { // bound sockets are not in the count
		states |= 1 << tcpBound
	}
	if !read(states) {
		*t = begin
		return false
	}
	return true
}

func (t *inetTable) readDiag(ctx context.Context, d *diag, v6 bool, out *probe.Collector) error {
	family := uint8(unix.AF_INET)
	if v6 {
		family = unix.AF_INET6
	}
	return t.readAs(ctx, d, unix.SOCK_DIAG_BY_FAMILY, inetDiagRequest(family, t.family.protocol), out)
}

func (t *inetTable) readAs(ctx context.Context, d *diag, kind uint16, request []byte, out *probe.Collector) error {
	var bad failures
	var s inetSock
	objects, ends, found, next := len(t.objects), len(t.ends), len(t.found), t.next
	again := func() {
		t.objects, t.ends, t.found, t.next, bad = t.objects[:objects], t.ends[:ends], t.found[:found], next, failures{what: "inet_diag message"}
	}
	err := d.dumpAs(ctx, kind, request, again, func(b []byte) {
		if err := parseInetDiag(b, t.family.protocol, &s); err != nil {
			bad.add(err)
			return
		}
		t.add(&s)
	})
	if err == errInterrupted {
		out.Gap(model.Gap{Reason: model.Truncated, Op: "read table", Detail: err.Error()})
		err = nil
	}
	if err != nil {
		again() // all of it will be read from proc instead
		return err
	}
	bad.report(out, "")
	return nil
}

func (t *inetTable) readProc(text []byte, v6 bool, out *probe.Collector) {
	name := t.family.tables[0]
	if v6 {
		name = t.family.tables[1]
	}
	eachLine(text, out, name, func(line []byte) error {
		var s inetSock
		if err := parseInetLine(line, v6, t.family.kind == model.TCP, &s); err != nil {
			return err
		}
		t.add(&s)
		return nil
	})
}

// add adds a socket. A socket without an inode belongs to no process: it waits
// to be accepted or was closed. It is no object, but may be the peer of one.
func (t *inetTable) add(s *inetSock) {
	t.multipath = t.multipath || s.multipath
	if t.family.match != nil {
		t.ends = append(t.ends, inetEnd{s.flow, s.ino, s.state, s.v6only})
	}
	if s.ino == 0 {
		return
	}
	if !t.keeps {
		t.objects = append(t.objects, t.object(s))
		return
	}
	f := t.kept(s)
	if f == nil {
		f = &inetFound{*s, t.object(s)}
	}
	t.objects = append(t.objects, f.object)
	if !s.subflow { // subflows depend on the content of other tables
		t.found = append(t.found, f)
	}
}

func (t *inetTable) object(s *inetSock) *model.Object {
	d := &model.InetDetail{
		State: t.family.states[s.state&15], UID: model.Some(int(s.uid)), Protocol: t.family.name, Shutdown: s.shutdown,
		LastRecv: s.lastRecv, LastSend: s.lastSend, Retransmits: s.retransmits, Backoff: s.backoff, RTO: s.rto,
		Timer: s.timer, TimerExpires: s.timerExpires, BytesSent: s.sent, BytesAcked: s.acked, BytesReceived: s.received,
		BytesNotSent: s.notSent, WindowLimited: s.windowLimited, BufferLimited: s.bufferLimited,
	}
	o := &model.Object{
		ID: t.ns.ID(t.family.kind, s.ino), Gen: socketCookie(s.cookie), Kind: t.family.kind, Ino: model.Big(s.ino),
		UID: d.UID, Namespace: t.ns.Model(), Detail: d,
	}
	// One string holds all three, in lsof's form: LOCAL->REMOTE.
	local := s.local.append(t.scratch[:0], s.v6, s.v6only)
	both := s.remote.append(append(local, "->"...), s.v6, s.v6only)
	o.Name = string(both)
	d.Local, d.Remote = o.Name[:len(local)], o.Name[len(local)+2:]
	if s.remote.port == 0 && s.remote.isAny() {
		o.Name = d.Local
	}
	if t.family.portless {
		d.Protocol = ipProtocol(s.local.port)
	}
	if s.hasIface && s.iface != 0 {
		d.Interface = model.Some(int(s.iface))
	}
	switch {
	case t.family.kind == model.TCP && s.state == tcpListen:
		d.Backlog = model.Some(int64(s.recvQueue))
		if !s.halfQueues {
			d.BacklogMax = model.Some(int64(s.sendQueue))
		}
		o.Fill = backlogFill(d.Backlog, d.BacklogMax)
	case s.subflow && !t.known[s.ino]:
		// The queues are those of the connection, which no table had.
	case t.family.protocol == unix.IPPROTO_MPTCP:
		d.SendQueue = s.unacknowledged
		if s.recvQueue == 0 { // else the value is memory
			d.RecvQueue = model.Some[int64](0)
		}
		t.buffers(s, o, d)
	default:
		d.RecvQueue, d.SendQueue = model.Some(int64(s.recvQueue)), model.Some(int64(s.sendQueue))
		t.buffers(s, o, d)
	}
	switch {
	case t.family.kind == model.TCP: // the drops of TCP are no loss to the stream
	case s.hasDrops:
		d.Drops = model.Some(int64(s.drops))
	case s.mem.hasDrops:
		d.Drops = model.Some(int64(s.mem.drops))
	}
	return o
}

// buffers sets how full a socket is, in its fuller direction. The limits apply
// to memory, of which the waiting bytes are a part.
func (t *inetTable) buffers(s *inetSock, o *model.Object, d *model.InetDetail) {
	if !s.mem.known {
		return
	}
	d.RecvBuffer, d.SendBuffer = model.Some(int64(s.mem.recvLimit)), model.Some(int64(s.mem.sendLimit))
	outgoing := s.mem.send
	if t.family.kind == model.TCP {
		outgoing = s.mem.queued
	}
	o.Fill = model.NewRatio(model.Some(int64(s.mem.recv)), d.RecvBuffer)
	if f := model.NewRatio(model.Some(int64(outgoing)), d.SendBuffer); f.Or(0) > o.Fill.Or(0) {
		o.Fill = f
	}
}

// ipProtocol returns the name of a raw socket's protocol, or its number.
func ipProtocol(n uint16) string {
	switch n {
	case unix.IPPROTO_ICMP:
		return "icmp"
	case unix.IPPROTO_IGMP:
		return "igmp"
	case unix.IPPROTO_TCP:
		return "tcp"
	case unix.IPPROTO_UDP:
		return "udp"
	case unix.IPPROTO_GRE:
		return "gre"
	case unix.IPPROTO_ESP:
		return "esp"
	case unix.IPPROTO_AH:
		return "ah"
	case unix.IPPROTO_ICMPV6:
		return "ipv6-icmp"
	case 89:
		return "ospf"
	case 112:
		return "vrrp"
	case unix.IPPROTO_SCTP:
		return "sctp"
	case unix.IPPROTO_RAW:
		return "raw"
	}
	return strconv.Itoa(int(n))
}
