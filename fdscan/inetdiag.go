package fdscan

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// Attributes of inet_diag (linux/inet_diag.h, Linux 3.3).
const (
	inetDiagInfo      = 2
	inetDiagSkMeminfo = 7
	inetDiagSkV6Only  = 11
)

// inetDiagRequest is struct inet_diag_req_v2: family u8, protocol u8,
// extensions u8, pad u8, states u32, and a socket id of 48 bytes, which a dump
// leaves empty.
//
// Sockets in TIME-WAIT are not asked for: there can be very many, and they
// belong to nobody.
func inetDiagRequest(family, protocol uint8) []byte {
	b := make([]byte, 56)
	b[0], b[1] = family, protocol
	b[2] = 1<<(inetDiagSkMeminfo-1) | 1<<(inetDiagInfo-1)
	binary.NativeEndian.PutUint32(b[4:], ^uint32(1<<tcpTimeWait))
	return b
}

// parseInetDiag parses struct inet_diag_msg: family u8, state u8, timer u8,
// retransmits u8; socket id: source and destination port u16 big-endian, source
// and destination address of 16 bytes, interface u32, cookie u32[2]; expires,
// receive queue, send queue, uid, inode u32; and the attributes behind it.
func parseInetDiag(b []byte, protocol uint8, s *inetSock) error {
	const header = 72
	if len(b) < header {
		return fmt.Errorf("%w: %d bytes", probe.ErrMalformed, len(b))
	}
	ne := binary.NativeEndian
	*s = inetSock{
		state: b[1], iface: ne.Uint32(b[40:]), hasIface: true, cookie: cookieOf(b[44:]),
		recvQueue: ne.Uint32(b[56:]), sendQueue: ne.Uint32(b[60:]), uid: ne.Uint32(b[64:]), ino: uint64(ne.Uint32(b[68:])),
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
		return fmt.Errorf("%w: address family %d", probe.ErrMalformed, b[0])
	}
	if protocol == unix.IPPROTO_TCP {
		s.discountFlags()
	}
	return netlinkAttributes(b[header:], func(kind uint16, v []byte) {
		switch kind {
		case inetDiagInfo:
			if protocol == unix.IPPROTO_TCP {
				s.setTCPInfo(v)
			}
		case inetDiagSkMeminfo:
			s.mem = parseMeminfo(v)
		case inetDiagSkV6Only:
			s.v6only = len(v) > 0 && v[0] != 0
		}
	})
}

// setTCPInfo takes what is wanted of struct tcp_info (tcp(7)); later kernels
// append to it. The times start with the connection, so they say something only
// if there is one and something was ever received or sent (data_segs_in and
// _out, Linux 4.6).
func (s *inetSock) setTCPInfo(b []byte) {
	const retransmits, lastSent, lastReceived, segmentsIn, segmentsOut, minimum = 2, 44, 52, 152, 156, 56
	if len(b) < minimum {
		return
	}
	switch s.state {
	case tcpListen, tcpClose, tcpBound:
		return
	}
	s.retransmits = model.Some(int64(b[retransmits]))
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
}
