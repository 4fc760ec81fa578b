package testfixtures

import (
	"fmt"
	"net"
	"strconv"

	"golang.org/x/sys/unix"
)

// needsNetRaw is what raw and packet sockets need.
const needsNetRaw = "CAP_NET_RAW"

// packetFixtures are the sockets below TCP and UDP: raw IP, ping and packet.
func packetFixtures() []Fixture {
	hold := map[string]func(*role) error{"h": holdRole}
	return []Fixture{{
		Name:  "raw",
		Makes: "a raw IP socket of an unused protocol",
		explain: explanation{
			picture: "network → {1}",
			calls: []string{
				"{1}: socket(AF_INET, SOCK_RAW, 253), bind(3, 127.0.0.1)",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "socket:[{id}]"},
				{"/proc/{1}/net/raw", "{id}"},
			},
		},
		Needs: needsNetRaw,
		make:  makeRaw,
		roles: hold,
	}, {
		Name:  "icmp",
		Makes: "a ping socket",
		explain: explanation{
			picture: "echo replies → {1}",
			calls: []string{
				"{1}: socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), bind(3, 127.0.0.1)",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "socket:[{id}]"},
				{"/proc/{1}/net/icmp", "{id}"},
			},
		},
		Needs: "a group in net.ipv4.ping_group_range",
		make:  makeICMP,
		roles: hold,
	}, {
		Name:  "packet",
		Makes: "a packet socket on the loopback interface, for an unused protocol",
		explain: explanation{
			picture: "frames of lo → {1}",
			calls: []string{
				"{1}: socket(AF_PACKET, SOCK_DGRAM), bind(2) to lo and protocol 0x88b5",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "socket:[{id}]"},
				{"/proc/{1}/net/packet", "88b5"},
			},
		},
		Needs: needsNetRaw,
		make:  makePacket,
		roles: hold,
	}}
}

// holdSocket passes a socket to a holder and describes it.
func holdSocket(m *maker, kind string, fd int, detail tree) (object, error) {
	ino, err := inode(fd)
	if err != nil {
		return object{}, err
	}
	p, err := m.start("h", nil, part{fds: []int{fd}})
	if err != nil {
		return object{}, err
	}
	return object{kind + ":" + ino, tree{"ino": ino, "holders": []tree{p.fd(firstFD, "")}, "detail": detail}}, nil
}

// socket makes a socket that may not be available here; needs says what it requires.
func (m *maker) socket(family, typ, proto int, needs string) (int, error) {
	fd, err := unix.Socket(family, typ|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return -1, needing(needs, fmt.Errorf("socket: %w", err))
	}
	m.own(fd)
	return fd, nil
}

func makeRaw(m *maker) (object, error) {
	const experimental = 253 // RFC 3692: no other program receives it
	fd, err := m.socket(unix.AF_INET, unix.SOCK_RAW, experimental, needsNetRaw)
	if err != nil {
		return object{}, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return object{}, fmt.Errorf("bind 127.0.0.1: %w", err)
	}
	proto, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	if err != nil {
		return object{}, fmt.Errorf("getsockopt SO_PROTOCOL: %w", err)
	}
	return holdSocket(m, "raw", fd, tree{"protocol": strconv.Itoa(proto)})
}

func makeICMP(m *maker) (object, error) {
	fd, err := m.socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP, "a group in net.ipv4.ping_group_range")
	if err != nil {
		return object{}, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return object{}, fmt.Errorf("bind 127.0.0.1: %w", err)
	}
	return holdSocket(m, "icmp", fd, tree{})
}

func makePacket(m *maker) (object, error) {
	fd, err := m.socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0, needsNetRaw)
	if err != nil {
		return object{}, err
	}
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return object{}, &Unavailable{Reason: "needs the loopback interface", Err: err}
	}
	const experimental = 0x88b5 // IEEE 802: local experiments
	sa := &unix.SockaddrLinklayer{Protocol: experimental>>8 | experimental&0xff<<8, Ifindex: lo.Index}
	if err := unix.Bind(fd, sa); err != nil {
		return object{}, fmt.Errorf("bind to lo: %w", err)
	}
	return holdSocket(m, "packet", fd, tree{
		"type": "dgram", "protocol": fmt.Sprintf("%04x", experimental), "interface": lo.Index, "recv_queue": 0,
	})
}
