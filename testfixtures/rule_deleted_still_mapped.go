package testfixtures

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func deletedStillMappedFixtures() []Fixture {
	roles := map[string]func(*role) error{"old": mapOnlyRole, "new": mapOnlyRole}
	return []Fixture{{
		Name:  "deleted-still-mapped",
		short: "split",
		Makes: "a process that maps shared memory whose name was removed, and one that maps the object that has the name now",
		explain: explanation{
			picture: "{1} ⇄ memory of a name that was removed; {2} ⇄ memory that has the name now",
			calls: []string{
				"{1}: mmap(MAP_SHARED) of the first; then shm_unlink(3)",
				"{2}: mmap(MAP_SHARED) of the second, made by shm_open(3) with the same name",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "(deleted)"},
				{"/proc/{2}/maps", "/dev/shm/ipctop-fixture-"},
			},
			next: []string{"ipctop check", "ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeSplit(m, true) },
		roles: roles,
	}, {
		Name:  "deleted-still-mapped:control",
		short: "split-i",
		Makes: "two processes that map the same shared memory, whose name was removed on purpose",
		explain: explanation{
			picture: "{1} ⇄ memory without a name ⇄ {2}",
			calls: []string{
				"{1}, {2}: mmap(MAP_SHARED) of the same; the name was removed",
			},
			proc: []procFile{
				{"/proc/{1}/maps", "(deleted)"},
				{"/proc/{2}/maps", "(deleted)"},
			},
			next: []string{"ipctop show {object}"},
		},
		make:  func(m *maker) (object, error) { return makeSplit(m, false) },
		roles: roles,
	}}
}

func makeSplit(m *maker, split bool) (object, error) {
	fd, name, err := makeShmFile(m, "", make([]byte, 5000))
	if err != nil {
		return object{}, err
	}
	old, err := m.start("old", nil, part{fds: []int{fd}})
	if err != nil {
		return object{}, err
	}
	if err := unix.Unlink(shmDir + name); err != nil {
		return object{}, fmt.Errorf("unlink %s: %w", shmDir+name, err)
	}
	oldID, _, err := describeMemory("posix-shm", fd)
	if err != nil {
		return object{}, err
	}
	if split {
		// The name is already in the manifest.
		if fd, err = unix.Open(shmDir+name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600); err != nil {
			return object{}, fmt.Errorf("open %s: %w", shmDir+name, err)
		}
		m.own(fd)
		if err := unix.Ftruncate(fd, 5000); err != nil {
			return object{}, fmt.Errorf("truncate %s: %w", shmDir+name, err)
		}
	}
	young, err := m.start("new", nil, part{fds: []int{fd}})
	if err != nil {
		return object{}, err
	}
	id, _, err := describeMemory("posix-shm", fd)
	m.expectFinding(Diagnosis{Objects: []string{oldID, id}, Victims: []int{old.pid}, PIDs: []int{young.pid}, Severity: "warning"})
	return aboutObject(id), err
}
