package testfixtures

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func openPermissionsFixtures() []Fixture {
	roles := map[string]func(*role) error{"map": mapOnlyRole}
	return []Fixture{{
		Name:  "open-permissions",
		short: "perm",
		Makes: "a shared memory object that any user may write to",
		explain: explanation{
			picture: "any user ⇄ memory of {1}",
			calls: []string{
				"{1}: mmap(MAP_SHARED) of a file in /dev/shm with mode 0666",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "/dev/shm/ipctop-fixture-"},
			},
			next: []string{"ipctop check", "ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeShmOfMode(m, 0o666) },
		roles: roles,
	}, {
		Name:  "open-permissions:control",
		short: "perm-i",
		Makes: "a shared memory object that its owner and group may write to and others may only read",
		explain: explanation{
			picture: "{1} ⇄ memory with mode 0664",
			calls: []string{
				"{1}: mmap(MAP_SHARED) of a file in /dev/shm with mode 0664",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "/dev/shm/ipctop-fixture-"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeShmOfMode(m, 0o664) },
		roles: roles,
	}}
}

func makeShmOfMode(m *maker, mode uint32) (object, error) {
	fd, _, err := makeShmFile(m, "", make([]byte, 5000))
	if err != nil {
		return object{}, err
	}
	if err := unix.Fchmod(fd, mode); err != nil {
		return object{}, fmt.Errorf("fchmod: %w", err)
	}
	p, err := m.start("map", nil, part{fds: []int{fd}})
	if err != nil {
		return object{}, err
	}
	id, _, err := describeMemory("posix-shm", fd)
	m.expectFinding(Diagnosis{Objects: []string{id}, PIDs: []int{p.pid}, Severity: "info"})
	return aboutObject(id), err
}
