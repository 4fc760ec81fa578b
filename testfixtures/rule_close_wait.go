package testfixtures

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func closeWaitFixtures() []Fixture {
	roles := map[string]func(*role) error{"srv": acceptManyRole, "cli": connectManyRole}
	return []Fixture{{
		Name:  "close-wait",
		short: "clw",
		Makes: "a server with 12 connections that the client has closed and the server has not",
		explain: explanation{
			picture: "{2} (closed) – 12 connections – {1} (open)",
			calls: []string{
				"{2}: connect(2) and close(2), twelve times",
				"{1}: accept(2) twelve times and no close(2): state CLOSE-WAIT, 08 in /proc",
			},
			proc: []procFile{
				{"/proc/{1}/net/tcp", "{id}"},
			},
			next: []string{"ipctop check", "ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeCloseWait(m, "close") },
		roles: roles,
	}, {
		Name:  "close-wait:control",
		short: "clw-i",
		Makes: "a server with 12 connections that are open at both ends",
		explain: explanation{
			picture: "{2} – 12 connections – {1}",
			calls: []string{
				"{2}: connect(2) twelve times",
				"{1}: accept(2) twelve times",
			},
			proc: []procFile{
				{"/proc/{1}/net/tcp", "{id}"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeCloseWait(m, "keep") },
		roles: roles,
	}}
}

const manyConnections = 12

func makeCloseWait(m *maker, client string) (object, error) {
	server, err := m.spawn("srv", part{args: []string{client}})
	if err != nil {
		return object{}, err
	}
	var listening inetSocket
	if err := server.receive(&listening); err != nil {
		return object{}, err
	}
	if _, err := m.start("cli", nil, part{args: []string{listening.Local, client}}); err != nil {
		return object{}, err
	}
	var objects []string
	if err := server.await(&objects); err != nil {
		return object{}, err
	}
	m.controlObjects = objects
	m.expectFinding(Diagnosis{Root: server.pid, Objects: objects, Severity: "warning"})
	return aboutObject(objects[0]), m.blocked(server)
}

// acceptManyRole accepts connections and keeps them. If the client is to close them, it
// waits until that has happened.
func acceptManyRole(r *role) error {
	listener, err := tcpListen("127.0.0.1:0")
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
	var objects []string
	for range manyConnections {
		fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		if err != nil {
			return os.NewSyscallError("accept", err)
		}
		ino, err := inode(fd)
		if err != nil {
			return err
		}
		objects = append(objects, "tcp:"+ino)
		if r.args[0] != "close" {
			continue
		}
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}, int(readyWithin.Milliseconds())); err != nil && err != unix.EINTR {
			return os.NewSyscallError("poll", err)
		}
	}
	if err := unix.Close(listener); err != nil {
		return err
	}
	return r.readyAndHold(objects)
}

// connectManyRole makes connections, and closes them if it is told to.
func connectManyRole(r *role) error {
	sa, family, err := sockaddr(r.args[0])
	if err != nil {
		return err
	}
	for range manyConnections {
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		if err := unix.Connect(fd, sa); err != nil {
			return fmt.Errorf("connect to %s: %w", r.args[0], err)
		}
		if r.args[1] == "close" {
			_ = unix.Close(fd)
		}
	}
	return r.readyAndHold(nil)
}
