package testfixtures

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// otherSocketFixtures are sockets that no table of the kernel lists.
func otherSocketFixtures() []Fixture {
	hold := map[string]func(*role) error{"h": holdRole}
	return []Fixture{{
		Name:  "socket",
		short: "sock",
		Makes: "a TCP socket that is neither bound nor connected: in no table of the kernel",
		make: func(m *maker) (object, error) {
			return makeOtherSocket(m, unix.AF_INET, unix.SOCK_STREAM, "IPv4")
		},
		roles: hold,
	}, {
		Name:  "socket:alg",
		short: "sock-alg",
		Makes: "a socket of the kernel's crypto interface",
		Needs: "AF_ALG in the kernel",
		make: func(m *maker) (object, error) {
			return makeOtherSocket(m, unix.AF_ALG, unix.SOCK_SEQPACKET, "AF_ALG in the kernel")
		},
		roles: hold,
	}}
}

func makeOtherSocket(m *maker, family, typ int, needs string) (object, error) {
	fd, err := m.socket(family, typ, 0, needs)
	if err != nil {
		return object{}, err
	}
	name := make([]byte, 64)
	n, err := unix.Fgetxattr(fd, "system.sockprotoname", name)
	if err != nil {
		return object{}, fmt.Errorf("getxattr system.sockprotoname: %w", err)
	}
	return holdSocket(m, "socket", fd, tree{"protocol": strings.TrimRight(string(name[:n]), "\x00")})
}
