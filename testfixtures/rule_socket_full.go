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
				m.expectFinding(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "warning"})
			}
			return aboutObject(id), err
		}, func(m *maker) (object, error) {
			_, id, err := sockets(m, "read 4")
			return aboutObject(id), err
		}, explanation{
			picture: "{3} → socket FULL → {2} (idle)",
			calls: []string{
				"ipctop: socketpair(AF_UNIX, SOCK_STREAM)",
				"{3}: write(4, …, 4194304) and does not return",
			},
			proc: []procFile{
				{"/proc/{3}/fd/4", "socket:[{id}]"},
				{"/proc/{3}/syscall", "0x4"},
			},
		}, explanation{
			picture: "{2} (idle) → socket → {3}",
			calls: []string{
				"{3}: read(4) and does not return",
			},
			proc: []procFile{
				{"/proc/{3}/fd/4", "socket:[{id}]"},
				{"/proc/{3}/syscall", "0x4"},
			},
			next: []string{"ipctop why {3}"},
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
		explain: explanation{
			picture: "{3}, {4} → socket FULL → {2} (idle)",
			calls: []string{
				"{2}: bind(2) of a datagram socket, and no recv(2)",
				"{3}, {4}: write(2) of one byte, and it does not return",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "socket:[{id}]"},
				{"/proc/{3}/syscall", "0x4"},
			},
		},
		make: func(m *maker) (object, error) {
			pids, id, err := datagrams(m, true)
			if err == nil {
				m.expectFinding(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "warning"})
			}
			return aboutObject(id), err
		},
	}, Fixture{
		Name: "socket-full:control-datagrams", short: "sfull-di", roles: helperRoles(), Makes: "a bound datagram socket whose owner waits for the next message",
		explain: explanation{
			picture: "{3} (idle) → datagrams → {2}",
			calls: []string{
				"{2}: read(3) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "socket:[{id}]"},
				{"/proc/{2}/syscall", "0x3"},
			},
			next: []string{"ipctop why {2}"},
		},
		make: func(m *maker) (object, error) {
			_, id, err := datagrams(m, false)
			return aboutObject(id), err
		},
	})
}
