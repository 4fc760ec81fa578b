package testfixtures

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

func udpFixtures() []Fixture {
	return []Fixture{{
		Name:  "udp",
		Makes: "two sockets connected to each other over loopback, one datagram unread",
		explain: explanation{
			picture: "{1} → UDP over loopback (1 datagram unread) → {2}",
			calls: []string{
				"{1}: connect(2), write(3, …, 100) = 100",
				"{2}: does not receive",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "socket:[{id}]"},
				{"/proc/{2}/net/udp", "{id}"},
			},
		},
		make:  makeUDP,
		roles: map[string]func(*role) error{"a": writeRole, "b": holdRole},
	}, {
		Name:  "udp:unconnected",
		short: "udp-uc",
		Makes: "a socket with an address and no peer",
		explain: explanation{
			picture: "anyone → {1}",
			calls: []string{
				"{1}: socket(AF_INET, SOCK_DGRAM), bind(3, 127.0.0.1)",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "socket:[{id}]"},
				{"/proc/{1}/net/udp", "{id}"},
			},
		},
		make:  makeUDPUnconnected,
		roles: map[string]func(*role) error{"srv": holdRole},
	}}
}

// udpSocket makes a socket with its own address on loopback.
func udpSocket(m *maker) (inetSocket, unix.Sockaddr, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return inetSocket{}, nil, fmt.Errorf("socket: %w", err)
	}
	m.own(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return inetSocket{}, nil, fmt.Errorf("bind 127.0.0.1: %w", err)
	}
	s, err := describeInet(fd)
	if err != nil {
		return s, nil, err
	}
	sa, err := unix.Getsockname(fd)
	return s, sa, err
}

func makeUDP(m *maker) (object, error) {
	a, addrA, err := udpSocket(m)
	if err != nil {
		return object{}, err
	}
	b, addrB, err := udpSocket(m)
	if err != nil {
		return object{}, err
	}
	if err := unix.Connect(a.FD, addrB); err != nil {
		return object{}, fmt.Errorf("connect to %s: %w", b.Local, err)
	}
	if err := unix.Connect(b.FD, addrA); err != nil {
		return object{}, fmt.Errorf("connect to %s: %w", a.Local, err)
	}
	p, err := startPair(m, [2]int{a.FD, b.FD}, part{args: []string{"100"}})
	if err != nil {
		return object{}, err
	}
	// For a datagram queue the kernel shows the memory that it takes.
	var memory int
	if err := m.until("the datagram", func() (bool, error) {
		memory, err = receiveMemory(b.FD)
		return memory > 0, err
	}); err != nil {
		return object{}, err
	}
	if b, err = describeInet(b.FD); err != nil {
		return object{}, err
	}
	b.FD = firstFD
	expect := b.expect(p[1], "ESTAB")
	expect["detail"].(tree)["recv_queue"] = memory
	expect["peers"] = []tree{{"id": "udp:" + a.Ino}}
	return object{"udp:" + b.Ino, expect}, nil
}

// receiveMemory is the memory that a socket's unread data takes, in bytes
// (getsockopt SO_MEMINFO, Linux 4.12).
func receiveMemory(fd int) (int, error) {
	var info [9]uint32 // SK_MEMINFO_RMEM_ALLOC comes first
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return int(info[0]), named("getsockopt SO_MEMINFO", errno)
}

func makeUDPUnconnected(m *maker) (object, error) {
	s, _, err := udpSocket(m)
	if err != nil {
		return object{}, err
	}
	p, err := m.start("srv", nil, part{fds: []int{s.FD}})
	if err != nil {
		return object{}, err
	}
	s.FD = firstFD
	return object{"udp:" + s.Ino, s.expect(p, "UNCONN")}, nil
}
