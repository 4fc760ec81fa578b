package testfixtures

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func socketFullFixtures() []Fixture {
	sockets := func(m *maker, writer string) (pids []int, id string, err error) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, "", fmt.Errorf("socketpair: %w", err)
		}
		m.own(fds[:]...)
		ino, err := inode(fds[1])
		if err == nil {
			pids, err = m.helperProcesses(fds[:], "idle 3: pause", "writer 4: "+writer)
		}
		return pids, "unix:" + ino, err
	}
	list := pair("socket-full", "sfull", "a process that writes to a socket whose other end does not read", "a process that reads from an idle socket",
		func(m *maker) (object, error) {
			pids, id, err := sockets(m, "write 4")
			if err == nil {
				m.finds(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "warning"})
			}
			return aboutObject(id), err
		}, func(m *maker) (object, error) {
			_, id, err := sockets(m, "read 4")
			return aboutObject(id), err
		})

	datagrams := func(m *maker, full bool) (pids []int, id string, err error) {
		fds := make([]int, 3)
		name := &unix.SockaddrUnix{Name: "@" + abstractName(m) + "/" + m.fixture.Name}
		for i := range fds {
			if fds[i], err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
				return nil, "", fmt.Errorf("socket: %w", err)
			}
			m.own(fds[i])
			if i == 0 {
				err = unix.Bind(fds[i], name)
			} else {
				err = unix.Connect(fds[i], name)
			}
			if err != nil {
				return nil, "", err
			}
		}
		for err == nil && full {
			err = unix.Sendto(fds[1], []byte("x"), unix.MSG_DONTWAIT, nil)
		}
		ino, err := inode(fds[0])
		if err == nil && full {
			pids, err = m.helperProcesses(fds, "server 3: pause", "client-1 4: put 4", "client-2 5: put 5")
		} else if err == nil {
			pids, err = m.helperProcesses(fds, "server 3: read 3", "client 4,5: pause")
		}
		return pids, "unix:" + ino, err
	}
	return append(list, Fixture{
		Name: "socket-full:datagrams", short: "sfull-d", roles: helperRoles(),
		Makes: "two processes that send to a bound datagram socket, as programs do to /dev/log, whose owner does not receive",
		make: func(m *maker) (object, error) {
			pids, id, err := datagrams(m, true)
			if err == nil {
				m.finds(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "warning"})
			}
			return aboutObject(id), err
		},
	}, Fixture{
		Name: "socket-full:control-datagrams", short: "sfull-di", roles: helperRoles(), Makes: "such a socket whose owner waits for the next message",
		make: func(m *maker) (object, error) {
			_, id, err := datagrams(m, false)
			return aboutObject(id), err
		},
	})
}
