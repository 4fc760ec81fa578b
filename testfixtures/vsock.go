package testfixtures

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func vsockFixtures() []Fixture {
	return []Fixture{{
		Name:  "vsock",
		Makes: "a listener for connections between this machine and its host",
		explain: explanation{
			picture: "the host of this machine → {1}",
			calls: []string{
				"{1}: socket(AF_VSOCK, SOCK_STREAM), bind(2), listen(3, 5)",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "socket:[{id}]"},
			},
		},
		Needs: "AF_VSOCK in the kernel",
		make:  makeVsock,
		roles: map[string]func(*role) error{"h": holdRole},
	}}
}

// makeVsock expects no detail: without vsock_diag, which few kernels have, only the family can be seen.
func makeVsock(m *maker) (object, error) {
	const needs = "AF_VSOCK in the kernel"
	fd, err := m.socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0, needs)
	if err != nil {
		return object{}, err
	}
	if err := unix.Bind(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: unix.VMADDR_PORT_ANY}); err != nil {
		return object{}, needing(needs, fmt.Errorf("bind: %w", err))
	}
	if err := unix.Listen(fd, listenBacklog); err != nil {
		return object{}, needing(needs, fmt.Errorf("listen: %w", err))
	}
	return holdSocket(m, "vsock", fd, tree{})
}
