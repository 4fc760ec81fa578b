package testfixtures

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func netlinkFixtures() []Fixture {
	return []Fixture{{
		Name:  "netlink",
		Makes: "a route socket that listens for changes of links and addresses",
		explain: explanation{
			picture: "kernel → {1}",
			calls: []string{
				"{1}: socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), bind(2) to the groups of links and addresses",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "socket:[{id}]"},
				{"/proc/{1}/net/netlink", "{id}"},
			},
		},
		make:  makeNetlink,
		roles: map[string]func(*role) error{"h": holdRole},
	}}
}

func makeNetlink(m *maker) (object, error) {
	fd, err := m.socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE, "netlink")
	if err != nil {
		return object{}, err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR}); err != nil {
		return object{}, fmt.Errorf("bind: %w", err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return object{}, os.NewSyscallError("getsockname", err)
	}
	// Not every kernel reports its groups (netlink_diag).
	return holdSocket(m, "netlink", fd, tree{"protocol": "route", "port_id": sa.(*unix.SockaddrNetlink).Pid})
}
