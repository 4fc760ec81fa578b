package sockets

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/proc"
)

// Attributes of unix_diag (linux/unix_diag.h, Linux 3.3; UID 5.3).
const (
	unixDiagName     = 0
	unixDiagVFS      = 1
	unixDiagPeer     = 2
	unixDiagIcons    = 3
	unixDiagRqlen    = 4
	unixDiagMeminfo  = 5
	unixDiagShutdown = 6
	unixDiagUID      = 7

	unixDiagShowAll = 0x7f
)

// tcpListen is TCP_LISTEN (net/tcp_states.h). Sockets of all families use these
// numbers for their states.
const tcpListen = 10

// unixStates names the states a UNIX socket can be in.
var unixStates = map[uint8]string{1: "established", 7: "close", tcpListen: "listen"}

// unixDiagRequest is struct unix_diag_req: family u8, protocol u8, pad u16,
// states u32, ino u32, show u32, cookie u32[2].
func unixDiagRequest() []byte {
	ne := binary.NativeEndian
	b := make([]byte, 24)
	b[0] = unix.AF_UNIX
	ne.PutUint32(b[4:], ^uint32(0))
	ne.PutUint32(b[12:], unixDiagShowAll)
	ne.PutUint64(b[16:], ^uint64(0))
	return b
}

// unixSock is a message of unix_diag. The slices are parts of it.
type unixSock struct {
	kind, state uint8
	ino         uint32
	cookie      uint64

	name           []byte // sun_path, as long as it was given
	vfsIno, vfsDev uint32
	hasVFS         bool
	peer           uint32 // 0: none
	icons          []byte // u32 each
	recvQueue      uint32 // listener: connections waiting
	sendQueue      uint32 // listener: how many may wait
	hasQueues      bool
	mem            sockMeminfo
	shutdown       uint8
	hasShutdown    bool
	uid            uint32
	hasUID         bool
}

// parseUnixDiag parses struct unix_diag_msg: family u8, type u8, state u8, pad
// u8, ino u32, cookie u32[2], and the attributes that follow it.
func parseUnixDiag(b []byte, s *unixSock) error {
	const header = 16
	if len(b) < header {
		return fmt.Errorf("%w: %d bytes", proc.ErrMalformed, len(b))
	}
	ne := binary.NativeEndian
	if b[0] != unix.AF_UNIX {
		return fmt.Errorf("%w: address family %d", proc.ErrMalformed, b[0])
	}
	*s = unixSock{kind: b[1], state: b[2], ino: ne.Uint32(b[4:]), cookie: cookieOf(b[8:])}
	if s.ino == 0 {
		return fmt.Errorf("%w: no inode", proc.ErrMalformed)
	}
	return netlinkAttributes(b[header:], func(kind uint16, v []byte) {
		switch kind {
		case unixDiagName:
			s.name = v
		case unixDiagVFS:
			if len(v) >= 8 {
				s.vfsIno, s.vfsDev, s.hasVFS = ne.Uint32(v), ne.Uint32(v[4:]), true
			}
		case unixDiagPeer:
			s.peer, _ = u32(v)
		case unixDiagIcons:
			s.icons = v
		case unixDiagRqlen:
			if len(v) >= 8 {
				s.recvQueue, s.sendQueue, s.hasQueues = ne.Uint32(v), ne.Uint32(v[4:]), true
			}
		case unixDiagMeminfo:
			s.mem = parseMeminfo(v)
		case unixDiagShutdown:
			if len(v) > 0 {
				s.shutdown, s.hasShutdown = v[0], true
			}
		case unixDiagUID:
			s.uid, s.hasUID = u32(v)
		}
	})
}

// cookieOf returns a cookie: the low word comes first in every byte order.
func cookieOf(b []byte) uint64 {
	ne := binary.NativeEndian
	return uint64(ne.Uint32(b)) | uint64(ne.Uint32(b[4:]))<<32
}
