package testfixtures

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

func backlogFullFixtures() []Fixture {
	roles := map[string]func(*role) error{"srv": unixListenRole, "in": unixConnectManyRole, "out": unixConnectManyRole}
	return []Fixture{{
		Name:  "backlog-full",
		short: "blog",
		Makes: "a listener that does not accept and whose backlog is full, and a client blocked in connect",
		explain: explanation{
			picture: "{3} → listener FULL → {1} (does not accept)",
			calls: []string{
				"{1}: listen(3, 5) and no accept(2)",
				"{2}: connect(2) six times",
				"{3}: connect(3) and does not return",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "socket:[{id}]"},
				{"/proc/{3}/syscall", "0x3"},
			},
		},
		make:  func(m *maker) (object, error) { return makeBacklog(m, listenBacklog+1, true) },
		roles: roles,
	}, {
		Name:  "backlog-full:tcp",
		short: "blog-t",
		Makes: "the same on TCP",
		explain: explanation{
			picture: "{3} → listener FULL → {1} (does not accept)",
			calls: []string{
				"{1}: listen(3, 5) and no accept(2)",
				"{2}: connect(2) six times",
				"{3}: connect(3) and does not return: its SYN is not answered",
			},
			proc: []procFile{
				{"/proc/{1}/net/tcp", "{id}"},
				{"/proc/{3}/syscall", "0x3"},
			},
		},
		make:  makeTCPBacklog,
		roles: map[string]func(*role) error{"srv": tcpListenRole, "in": tcpConnectOnRole, "out": tcpConnectOnRole},
	}, {
		Name:  "backlog-full:control",
		short: "blog-i",
		Makes: "a listener whose backlog has room",
		explain: explanation{
			picture: "{2} → listener (4 of 6) → {1}",
			calls: []string{
				"{1}: listen(3, 5) and no accept(2)",
				"{2}: connect(2) four times",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "socket:[{id}]"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeBacklog(m, listenBacklog-1, false) },
		roles: roles,
	}}
}

func makeBacklog(m *maker, pending int, full bool) (object, error) {
	name := "@" + abstractName(m) + "/" + m.fixture.Name
	var s unixSocket
	server, err := m.start("srv", &s, part{args: []string{name}})
	if err != nil {
		return object{}, err
	}
	if _, err := m.start("in", nil, part{args: []string{name, strconv.Itoa(pending)}}); err != nil {
		return object{}, err
	}
	id := "unix:" + s.Ino
	if !full {
		return aboutObject(id), nil
	}
	late, err := m.start("out", nil, part{args: []string{name, "0"}})
	if err != nil {
		return object{}, err
	}
	m.expectFinding(Diagnosis{Root: server.pid, Victims: []int{late.pid}, Objects: []string{id}, Confidence: "certain"})
	return aboutObject(id), m.blocked(late)
}

// unixConnectManyRole makes as many connections as its argument says. With 0 it reports
// that it is ready, and waits for one connection that is never accepted.
func unixConnectManyRole(r *role) error {
	n, err := strconv.Atoi(r.args[1])
	if err != nil {
		return err
	}
	if n == 0 {
		if err := r.ready(nil); err != nil {
			return err
		}
		go r.hold()
		n = 1
	}
	for range n {
		fd, err := unixStream()
		if err != nil {
			return err
		}
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: r.args[0]}); err != nil {
			return fmt.Errorf("connect to %s: %w", r.args[0], err)
		}
	}
	return r.readyAndHold(nil)
}

func makeTCPBacklog(m *maker) (object, error) {
	var s inetSocket
	server, err := m.start("srv", &s, part{args: []string{"127.0.0.1:0"}})
	if err != nil {
		return object{}, err
	}
	if _, err := m.start("in", nil, part{args: []string{s.Local, strconv.Itoa(listenBacklog + 1)}}); err != nil {
		return object{}, err
	}
	late, err := m.start("out", nil, part{args: []string{s.Local, "0"}})
	if err != nil {
		return object{}, err
	}
	id := "tcp:" + s.Ino
	m.expectFinding(Diagnosis{Root: server.pid, Victims: []int{late.pid}, Objects: []string{id}, Confidence: "certain"})
	return aboutObject(id), m.blocked(late)
}

// tcpConnectOnRole is like [unixConnectManyRole], for TCP.
func tcpConnectOnRole(r *role) error {
	n, err := strconv.Atoi(r.args[1])
	if err != nil {
		return err
	}
	sa, family, err := sockaddr(r.args[0])
	if err != nil {
		return err
	}
	if n == 0 {
		if err := r.ready(nil); err != nil {
			return err
		}
		go r.hold()
		n = 1
	}
	for range n {
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("socket: %w", err)
		}
		if err := unix.Connect(fd, sa); err != nil {
			return fmt.Errorf("connect to %s: %w", r.args[0], err)
		}
	}
	return r.readyAndHold(nil)
}
