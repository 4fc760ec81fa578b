package sockets

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// Attributes of inet_diag (linux/inet_diag.h, Linux 3.3).
const (
	inetDiagInfo      = 2
	inetDiagSkMeminfo = 7
	inetDiagShutdown  = 8
	inetDiagSkV6Only  = 11
	inetDiagULPInfo   = 19 // Linux 5.3

	inetDiagReqProtocol = 3 // in a request, Linux 5.9
	inetULPInfoName     = 1
	inetULPInfoMPTCP    = 3
)

// noProtocol stands in requests for a protocol whose number needs more than 8
// bits. The real number is in an attribute. A kernel that does not know the
// attribute has no table for noProtocol.
const noProtocol = 254

// inetDiagRequest makes a struct inet_diag_req_v2: family u8, protocol u8,
// extensions u8, pad u8, states u32, and a socket id of 48 bytes, which is
// empty for a dump.
func inetDiagRequest(family uint8, protocol uint16) []byte {
	ne := binary.NativeEndian
	b := make([]byte, 56)
	b[0], b[1] = family, uint8(protocol)
	b[2] = 1<<(inetDiagSkMeminfo-1) | 1<<(inetDiagInfo-1)
	ne.PutUint32(b[4:], tcpAsked)
	if protocol > 255 {
		b[1] = noProtocol
		b = ne.AppendUint16(ne.AppendUint16(b, 8), inetDiagReqProtocol)
		b = ne.AppendUint32(b, uint32(protocol))
	}
	return b
}

// tcpAsked are the states to ask for. Sockets in TIME-WAIT are left out: there can be
// very many, and they belong to no process.
const tcpAsked = ^uint32(1 << tcpTimeWait)

// tcpDiagGetSock is TCPDIAG_GETSOCK, the older request for the table of TCP, which covers
// both IPv4 and IPv6.
const tcpDiagGetSock = 18

// tcpDiagRequest makes a struct inet_diag_req: family u8, two lengths u8, extensions
// u8, a socket id of 48 bytes, states u32, dbs u32. It asks for the same as
// [inetDiagRequest]. states has a bit for each state.
func tcpDiagRequest(states uint32) []byte {
	b := make([]byte, 60)
	b[3] = 1<<(inetDiagSkMeminfo-1) | 1<<(inetDiagInfo-1)
	binary.NativeEndian.PutUint32(b[52:], states)
	return b
}

// parseInetDiag parses struct inet_diag_msg: family u8, state u8, timer u8,
// retransmits u8; socket id: source and destination port u16 big-endian, source
// and destination address of 16 bytes, interface u32, cookie u32[2]; expires,
// receive queue, send queue, uid, inode u32; and the attributes behind it.
func parseInetDiag(b []byte, protocol uint16, s *inetSock) error {
	const header = 72
	if len(b) < header {
		return fmt.Errorf("%w: %d bytes", proc.ErrMalformed, len(b))
	}
	ne := binary.NativeEndian
	*s = inetSock{
		state: b[1], iface: ne.Uint32(b[40:]), hasIface: true, cookie: cookieOf(b[44:]),
		recvQueue: ne.Uint32(b[56:]), sendQueue: ne.Uint32(b[60:]), uid: ne.Uint32(b[64:]), ino: uint64(ne.Uint32(b[68:])),
	}
	if protocol == unix.IPPROTO_TCP {
		s.setTimer(b[2], ne.Uint32(b[52:]))
	}
	s.local.port, s.remote.port = binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
	switch b[0] {
	case unix.AF_INET:
		s.local.setV4([4]byte(b[8:]))
		s.remote.setV4([4]byte(b[24:]))
	case unix.AF_INET6:
		s.v6 = true
		s.local.addr, s.remote.addr = [16]byte(b[8:]), [16]byte(b[24:])
	default:
		return fmt.Errorf("%w: address family %d", proc.ErrMalformed, b[0])
	}
	if protocol == unix.IPPROTO_TCP {
		s.discountFlags()
	}
	return netlinkAttributes(b[header:], func(kind uint16, v []byte) {
		switch kind {
		case inetDiagInfo:
			switch protocol {
			case unix.IPPROTO_TCP:
				s.setTCPInfo(v)
			case unix.IPPROTO_MPTCP:
				s.setMPTCPInfo(v)
			}
		case inetDiagSkMeminfo:
			s.mem = parseMeminfo(v)
		case inetDiagSkV6Only:
			s.v6only = len(v) > 0 && v[0] != 0
		case inetDiagShutdown:
			if len(v) > 0 {
				s.shutdown = shutdownNames[v[0]&3]
			}
		case inetDiagULPInfo:
			_ = netlinkAttributes(v, func(kind uint16, v []byte) {
				s.subflow = s.subflow || kind == inetULPInfoMPTCP
				s.multipath = s.multipath || s.subflow || kind == inetULPInfoName && string(bytes.TrimRight(v, "\x00")) == "mptcp"
			})
		}
	})
}

// setTCPInfo sets fields from struct tcp_info (tcp(7)), to which later kernels
// append. The times start with the connection, so they are valid only for a
// connection on which something was received or sent (data_segs_in and _out,
// Linux 4.6).
func (s *inetSock) setTCPInfo(b []byte) {
	const retransmits, backoff, rto, lastSent, lastReceived, segmentsIn, segmentsOut, minimum = 2, 4, 8, 44, 52, 152, 156, 56
	if len(b) < minimum {
		return
	}
	switch s.state {
	case tcpListen, tcpClose, tcpBound:
		return
	}
	s.retransmits, s.backoff = model.Some(int64(b[retransmits])), model.Some(int64(b[backoff]))
	s.rto = model.Some(int64(binary.NativeEndian.Uint32(b[rto:])) * int64(time.Microsecond))
	switch s.state {
	case tcpSynSent, tcpSynRecv, tcpNewRecv:
		return
	}
	ne := binary.NativeEndian
	ever := func(counter int) bool { return len(b) < counter+4 || ne.Uint32(b[counter:]) != 0 }
	since := func(at int) model.Opt[int64] {
		return model.Some(int64(ne.Uint32(b[at:])) * int64(time.Millisecond))
	}
	if ever(segmentsIn) {
		s.lastRecv = since(lastReceived)
	}
	if ever(segmentsOut) {
		s.lastSend = since(lastSent)
	}
	s.setTCPCounters(b)
}

// setTCPCounters sets the counters that later kernels have appended: bytes
// acknowledged and received (Linux 4.1), not sent (4.6), how long sending was held
// up (4.10), bytes sent (4.19).
func (s *inetSock) setTCPCounters(b []byte) {
	number := func(at, size int, unit time.Duration) (n model.Opt[int64]) {
		switch {
		case len(b) < at+size:
		case size == 4:
			n = model.Some(int64(binary.NativeEndian.Uint32(b[at:])))
		default:
			n = model.Some(int64(min(binary.NativeEndian.Uint64(b[at:]), 1<<62/uint64(unit))) * int64(unit))
		}
		return n
	}
	s.acked, s.received, s.notSent = number(120, 8, 1), number(128, 8, 1), number(144, 4, 1)
	s.windowLimited, s.bufferLimited = number(176, 8, time.Microsecond), number(184, 8, time.Microsecond)
	s.sent = number(200, 8, 1)
}

// setMPTCPInfo sets, from struct mptcp_info (linux/mptcp.h), how many bytes the
// other end has not acknowledged. For bytes waiting to be read, the kernel has only
// the memory.
func (s *inetSock) setMPTCPInfo(b []byte) {
	const writeSeq, acknowledged = 16, 24
	if len(b) < acknowledged+8 {
		return
	}
	ne := binary.NativeEndian
	if n := ne.Uint64(b[writeSeq:]) - ne.Uint64(b[acknowledged:]); n < 1<<32 {
		s.unacknowledged = model.Some(int64(n))
	}
}

// setTimer sets the running timer (idiag_timer), and when it expires.
func (s *inetSock) setTimer(timer uint8, expires uint32) {
	names := [...]string{0: "", 1: "retransmit", 2: "keepalive", 4: "persist"}
	if int(timer) < len(names) && names[timer] != "" {
		s.timer, s.timerExpires = names[timer], model.Some(int64(expires)*int64(time.Millisecond))
	}
}
