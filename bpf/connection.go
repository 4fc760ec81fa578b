package bpf

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"
)

// Connection is the event that connect(2) or accept(2) returned, for a UNIX or an Internet socket,
// stream or datagram.
type Connection struct {
	Time     time.Time
	Accepted bool // accept(2)
	Errno    int  // error number, 0: none
	Who      Party

	// Peer is the process at the other end of a UNIX socket, if HasPeer: of an accepted
	// socket the process that connected, otherwise the one that listens (unix(7),
	// SO_PEERCRED).
	Peer    Party
	HasPeer bool

	Socket    Behind // the connected socket; if accept(2) failed, the listening one
	PeerInode uint64 // of the UNIX socket at the other end; 0: not known, or nobody has accepted it yet
	Network   uint64 // inode number of the network namespace

	// Local and Remote are for Internet sockets. Remote is the address that was asked for; of an
	// accepted socket it is the real one.
	Local, Remote netip.AddrPort

	// Path is for UNIX sockets, as passed to connect(2) or bind(2): an abstract name
	// begins with a zero byte. It is empty for a socket without a name.
	Path string
}

const (
	connectionSize = 336

	callConnected = 6 // kind
	callAccepted  = 7

	familyUNIX  = 1
	familyINET  = 2
	familyINET6 = 10
)

func (t *Tracer) parseConnection(record []byte) *Connection {
	f := fields{record}
	c := &Connection{Time: t.clock(f.u64())}
	c.Accepted = f.u32() == callAccepted
	c.Errno = -f.int()
	c.Who, c.Peer = f.party(), f.party()
	c.HasPeer = c.Peer != Party{}
	c.Socket = f.behind()
	c.PeerInode, c.Network = f.u64(), f.u64()
	local, remote := f.bytes(16), f.bytes(16)
	localPort := binary.NativeEndian.Uint16(f.bytes(2))
	remotePort := binary.BigEndian.Uint16(f.bytes(2))
	address := f.bytes(int(f.u32()))
	family := c.Socket.Family
	if family != familyUNIX {
		c.Local, c.Remote = endpoint(family, local, localPort), endpoint(family, remote, remotePort)
	}
	if !c.Accepted || family == familyUNIX {
		if c.Socket.Family == familyUNIX {
			c.Path = unixPath(address)
		} else {
			c.address(address)
		}
	}
	return c
}

// endpoint makes an address and port; the zero value if there is none yet.
func endpoint(family uint32, address []byte, port uint16) netip.AddrPort {
	if port == 0 {
		return netip.AddrPort{}
	}
	if family == familyINET {
		address = address[:4]
	}
	ip, _ := netip.AddrFromSlice(address)
	return netip.AddrPortFrom(ip.Unmap(), port)
}

// unixPath parses a struct sockaddr_un. An abstract name begins with a zero byte.
func unixPath(b []byte) string {
	if len(b) < 2 || binary.NativeEndian.Uint16(b) != familyUNIX {
		return ""
	}
	if b = b[2:]; len(b) > 0 && b[0] != 0 {
		b, _, _ = bytes.Cut(b, []byte{0})
	}
	return string(b)
}

// address parses a struct sockaddr_in or sockaddr_in6.
func (c *Connection) address(b []byte) {
	if len(b) < 2 {
		return
	}
	family := uint32(binary.NativeEndian.Uint16(b))
	rest := b[2:]
	switch {
	case family == familyINET && len(rest) >= 6:
		c.Remote = endpoint(family, rest[2:6], binary.BigEndian.Uint16(rest))
	case family == familyINET6 && len(rest) >= 22:
		c.Remote = endpoint(family, rest[6:22], binary.BigEndian.Uint16(rest))
	}
}
