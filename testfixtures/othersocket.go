package testfixtures

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

func otherSocketFixtures() []Fixture {
	return []Fixture{{
		Name:  "socket",
		short: "sock",
		Makes: "a socket of a family without a reader of its own",
		explain: explanation{
			picture: "{1} → kernel",
			calls: []string{
				"{1}: socket(AF_ALG or AF_XDP)",
			},
			proc: []procFile{
				{"/proc/{1}/fd/3", "socket:[{id}]"},
			},
		},
		Needs: "AF_ALG or AF_XDP (this with CAP_NET_RAW)",
		make:  makeOtherSocket,
		roles: map[string]func(*role) error{"h": holdRole},
	}}
}

// makeOtherSocket uses the first family that this kernel supports.
func makeOtherSocket(m *maker) (object, error) {
	var fd int
	var err error
	for _, s := range []struct{ family, typ, proto int }{
		{unix.AF_ALG, unix.SOCK_SEQPACKET, 0},
		{unix.AF_XDP, unix.SOCK_RAW, 0},
	} {
		fd, err = m.socket(s.family, s.typ, s.proto, "AF_ALG or AF_XDP")
		if !errors.As(err, new(*Unavailable)) {
			break
		}
	}
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
