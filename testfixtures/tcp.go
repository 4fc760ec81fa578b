package testfixtures

import (
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

func tcpFixtures() []Fixture {
	pair := map[string]func(*role) error{"srv": tcpAcceptRole, "cli": tcpConnectRole}
	return []Fixture{{
		Name:  "tcp",
		Makes: "a connection over loopback with 200 unread bytes at the accepting end",
		explain: explanation{
			picture: "{2} → TCP over loopback (200 bytes unread) → {1}",
			calls: []string{
				"{1}: listen(2), accept(2), close(2) of the listener; does not read",
				"{2}: connect(2), write(3, …, 200) = 200",
			},
			proc: []procFile{
				{"/proc/{1}/net/tcp", "{id}"},
				{"/proc/{2}/fd/3", "socket:["},
			},
		},
		make:  func(m *maker) (object, error) { return makeTCP(m, "127.0.0.1:0", "write", "ESTAB") },
		roles: pair,
	}, {
		Name:  "tcp:v6",
		Makes: "the same with IPv6",
		explain: explanation{
			picture: "{2} → TCP over loopback (200 bytes unread) → {1}",
			calls: []string{
				"{1}: listen(2) on [::1], accept(2), close(2) of the listener; does not read",
				"{2}: connect(2), write(3, …, 200) = 200",
			},
			proc: []procFile{
				{"/proc/{1}/net/tcp6", "{id}"},
				{"/proc/{2}/fd/3", "socket:["},
			},
		},
		Needs: "IPv6 on loopback",
		make:  func(m *maker) (object, error) { return makeTCP(m, "[::1]:0", "write", "ESTAB") },
		roles: pair,
	}, {
		Name:  "tcp:half-closed",
		short: "tcp-half",
		Makes: "a connection whose peer has shut down sending",
		explain: explanation{
			picture: "{2} –shut→ {1} (CLOSE-WAIT)",
			calls: []string{
				"{2}: connect(2), shutdown(3, SHUT_WR)",
				"{1}: accept(2); has not closed its end: state CLOSE-WAIT, 08 in /proc",
			},
			proc: []procFile{
				{"/proc/{1}/net/tcp", "{id}"},
				{"/proc/{2}/fd/3", "socket:["},
			},
		},
		make:  func(m *maker) (object, error) { return makeTCP(m, "127.0.0.1:0", "shutdown", "CLOSE-WAIT") },
		roles: pair,
	}, {
		Name:  "tcp:listener",
		short: "tcp-ls",
		Makes: "a listener with 2 connections that it has not accepted",
		explain: explanation{
			picture: "{2}, {3} → connections not accepted → {1}",
			calls: []string{
				"{1}: bind(2), listen(3, 5); no accept(2): state LISTEN, 0A in /proc",
				"{2}, {3}: connect(2) = 0",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "socket:[{id}]"},
				{"/proc/{1}/net/tcp", "{id}"},
			},
		},
		make:  makeTCPListener,
		roles: map[string]func(*role) error{"srv": tcpListenRole, "c1": tcpConnectRole, "c2": tcpConnectRole},
	}}
}

// inetSocket is what the holder of an Internet socket reports about it.
type inetSocket struct {
	Ino       string `json:"ino"`
	FD        int    `json:"fd"`
	Local     string `json:"local"`  // getsockname
	Remote    string `json:"remote"` // getpeername
	RecvQueue int    `json:"recv_queue"`
}

// expect are the fields that a dump has of the socket.
func (s inetSocket) expect(p *process, state string) tree {
	detail := tree{"state": state, "local": s.Local}
	if s.Remote != "" {
		detail["remote"] = s.Remote
	}
	return tree{"ino": s.Ino, "holders": []tree{p.fd(s.FD, "")}, "detail": detail}
}

const tcpBytes = 200

// makeTCP makes a connection; act says what the client does then.
func makeTCP(m *maker, addr, act, state string) (object, error) {
	server, err := m.spawn("srv", part{args: []string{addr, act}})
	if err != nil {
		return object{}, err
	}
	var listening, s, c inetSocket
	if err := server.receive(&listening); err != nil {
		return object{}, err
	}
	if _, err := m.start("cli", &c, part{args: []string{listening.Local, act}}); err != nil {
		return object{}, err
	}
	if err := server.await(&s); err != nil {
		return object{}, err
	}
	expect := s.expect(server, state)
	if act == "write" { // the kernel's tables count a FIN as a byte, FIONREAD does not
		expect["detail"].(tree)["recv_queue"] = s.RecvQueue
	}
	expect["peers"] = []tree{{"id": "tcp:" + c.Ino}}
	return object{"tcp:" + s.Ino, expect}, nil
}

func makeTCPListener(m *maker) (object, error) {
	var s, c inetSocket
	server, err := m.start("srv", &s, part{args: []string{"127.0.0.1:0"}})
	if err != nil {
		return object{}, err
	}
	for _, role := range []string{"c1", "c2"} {
		if _, err := m.start(role, &c, part{args: []string{s.Local, ""}}); err != nil {
			return object{}, err
		}
	}
	expect := s.expect(server, "LISTEN")
	detail := expect["detail"].(tree)
	detail["backlog"], detail["backlog_max"] = 2, listenBacklog
	return object{"tcp:" + s.Ino, expect}, nil
}

// tcpListen makes a listener on an address.
func tcpListen(addr string) (int, error) {
	sa, family, err := sockaddr(addr)
	if err != nil {
		return -1, err
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, needing("an IPv6 address on loopback", fmt.Errorf("socket: %w", err))
	}
	if err := unix.Bind(fd, sa); err != nil {
		return -1, needing("an IPv6 address on loopback", fmt.Errorf("bind %s: %w", addr, err))
	}
	if err := unix.Listen(fd, listenBacklog); err != nil {
		return -1, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return fd, nil
}

func tcpListenRole(r *role) error {
	fd, err := tcpListen(r.args[0])
	if err != nil {
		return err
	}
	s, err := describeInet(fd)
	if err != nil {
		return err
	}
	return r.readyAndHold(s)
}

// tcpAcceptRole accepts one connection and keeps only that.
func tcpAcceptRole(r *role) error {
	listener, err := tcpListen(r.args[0])
	if err != nil {
		return err
	}
	s, err := describeInet(listener)
	if err != nil {
		return err
	}
	if err := r.tell(s); err != nil {
		return err
	}
	fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	if err := unix.Close(listener); err != nil {
		return err
	}
	// What the client did takes a moment to arrive.
	for done := false; !done; pause() {
		if s, err = describeInet(fd); err != nil {
			return err
		}
		if done = s.RecvQueue == tcpBytes; r.args[1] == "shutdown" {
			p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
			_, err := unix.Poll(p, 0)
			done = err == nil && p[0].Revents&unix.POLLRDHUP != 0
		}
	}
	return r.readyAndHold(s)
}

func tcpConnectRole(r *role) error {
	sa, family, err := sockaddr(r.args[0])
	if err != nil {
		return err
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, sa); err != nil {
		return fmt.Errorf("connect to %s: %w", r.args[0], err)
	}
	switch r.args[1] {
	case "write":
		err = write(fd, tcpBytes)
	case "shutdown":
		err = unix.Shutdown(fd, unix.SHUT_WR)
	}
	if err != nil {
		return err
	}
	s, err := describeInet(fd)
	if err != nil {
		return err
	}
	return r.readyAndHold(s)
}

// describeInet asks the kernel about a socket.
func describeInet(fd int) (s inetSocket, err error) {
	s.FD = fd
	if s.Ino, err = inode(fd); err != nil {
		return s, err
	}
	local, err := unix.Getsockname(fd)
	if err != nil {
		return s, os.NewSyscallError("getsockname", err)
	}
	s.Local = address(local)
	if remote, err := unix.Getpeername(fd); err == nil {
		s.Remote = address(remote)
		if s.RecvQueue, err = queued(fd); err != nil {
			return s, err
		}
	}
	return s, nil
}

// address is an address in the form that dumps have.
func address(sa unix.Sockaddr) string {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)).String()
	}
	return ""
}

// sockaddr is the inverse of [address].
func sockaddr(s string) (unix.Sockaddr, int, error) {
	a, err := netip.ParseAddrPort(s)
	switch {
	case err != nil:
		return nil, 0, err
	case a.Addr().Is4():
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}, unix.AF_INET, nil
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}, unix.AF_INET6, nil
}
