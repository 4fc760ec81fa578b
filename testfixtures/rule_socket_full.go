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
	return pair("socket-full", "sfull", "a process that writes to a socket whose other end does not read", "a process that reads from an idle socket",
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
}
