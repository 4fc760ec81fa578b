package testfixtures

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

func lockInheritedFixtures() []Fixture {
	inherited := func(m *maker, ends bool) (pids []int, id string, err error) {
		fds, id, err := m.lockFile(strings.ReplaceAll(m.fixture.Name, ":", "-"), 2)
		if err != nil {
			return nil, "", err
		}
		if ends {
			_, err = m.ended("lock", nil, part{fds: fds[:1]})
		} else {
			_, err = m.start("lock", nil, part{fds: fds[:1]})
		}
		if err == nil {
			pids, err = m.puppets(fds, "heir 3: pause", "wants 4: flock 4")
		}
		return pids, id, err
	}
	list := pair("lock-inherited", "heir", "a process that waits for a lock whose taker has ended: an heir keeps it",
		"a process that waits for a lock whose taker lives", func(m *maker) (object, error) {
			pids, id, err := inherited(m, true)
			if err == nil {
				m.finds(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "warning"})
			}
			return aboutObject(id), err
		}, func(m *maker) (object, error) {
			_, id, err := inherited(m, false)
			return aboutObject(id), err
		})
	list[0].roles["lock"], list[1].roles["lock"] = ending(takeFlockRole), takeFlockRole
	return list
}

func takeFlockRole(r *role) error {
	if err := unix.Flock(firstFD, unix.LOCK_EX); err != nil {
		return os.NewSyscallError("flock", err)
	}
	return r.readyAndHold(nil)
}
