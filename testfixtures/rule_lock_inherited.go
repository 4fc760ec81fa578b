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
			pids, err = m.helperProcesses(fds, "holder 3: pause", "wants 4: flock 4")
		}
		return pids, id, err
	}
	list := pair("lock-inherited", "inh", "a process that waits for a lock; the process that took the lock has ended, and one that inherited it keeps it",
		"a process that waits for a lock whose taker lives", func(m *maker) (object, error) {
			pids, id, err := inherited(m, true)
			if err == nil {
				m.expectFinding(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "warning"})
			}
			return aboutObject(id), err
		}, func(m *maker) (object, error) {
			_, id, err := inherited(m, false)
			return aboutObject(id), err
		}, explanation{
			picture: "{3} → lock that {2} inherited",
			calls: []string{
				"a process: flock(3, LOCK_EX) = 0, then exit(2)",
				"{2}: has the same open file description, descriptor 3, and so keeps the lock",
				"{3}: flock(4, LOCK_EX) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/fdinfo/3", "FLOCK ADVISORY WRITE"},
				{"/proc/{3}/syscall", "0x4"},
			},
		}, explanation{
			picture: "{4} → lock of {1}",
			calls: []string{
				"{1}: flock(3, LOCK_EX) = 0, and lives; {3} has the description, too",
				"{4}: flock(4, LOCK_EX) and does not return",
			},
			proc: []procFile{
				{"/proc/{1}/fdinfo/3", "FLOCK ADVISORY WRITE"},
				{"/proc/{4}/syscall", "0x4"},
			},
			next: []string{"ipctop why {4}"},
		})
	list[0].everybody = true
	list[0].roles["lock"], list[1].roles["lock"] = ending(takeFlockRole), takeFlockRole
	return append(list, Fixture{
		Name: "lock-inherited:control-script", short: "inh-s", make: makeScriptLock,
		Makes: "a lock taken on a descriptor of an older process, as flock(1) does for a script, and a process that waits for it",
		explain: explanation{
			picture: "{3} → lock of {1}",
			calls: []string{
				"a process, as flock(1): flock(3, LOCK_EX) = 0 on the descriptor of {1}, then exit(2)",
				"{3}: flock(3, LOCK_EX) and does not return",
			},
			proc: []procFile{
				{"/proc/{1}/fdinfo/3", "FLOCK ADVISORY WRITE"},
				{"/proc/{3}/syscall", "0x3"},
			},
			next: []string{"ipctop why {3}"},
		},
		roles: map[string]func(*role) error{"lock": ending(takeFlockRole), "hold": holdRole, "h": helperRole},
	})
}

func makeScriptLock(m *maker) (object, error) {
	fds, id, err := m.lockFile("lock-inherited-script", 2)
	if err != nil {
		return object{}, err
	}
	if _, err = m.start("hold", nil, part{fds: fds[:1]}); err == nil {
		_, err = m.ended("lock", nil, part{fds: fds[:1]})
	}
	if err == nil {
		_, err = m.helperProcesses(fds[1:], "wants 3: flock 3")
	}
	return aboutObject(id), err
}

func takeFlockRole(r *role) error {
	if err := unix.Flock(firstFD, unix.LOCK_EX); err != nil {
		return os.NewSyscallError("flock", err)
	}
	return r.readyAndHold(nil)
}
