package testfixtures

import (
	"os"

	"golang.org/x/sys/unix"
)

// makeDeadlock has two processes each lock a file and want that of the other.
func makeDeadlock(m *maker, fileA, fileB, nameA, nameB string) (object, error) {
	a, idA, err := m.lockFile(fileA, 2)
	if err != nil {
		return object{}, err
	}
	b, idB, err := m.lockFile(fileB, 2)
	if err != nil {
		return object{}, err
	}
	// A lock belongs to the description, which the helper processes inherit.
	for _, fd := range []int{a[0], b[0]} {
		if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
			return object{}, os.NewSyscallError("flock", err)
		}
	}
	pids, err := m.helperProcesses([]int{a[0], a[1], b[0], b[1]}, nameA+" 3,6: flock 6", nameB+" 5,4: flock 4")
	m.finds(Diagnosis{Victims: pids, Objects: []string{idA, idB}, Severity: "critical"})
	return aboutObject(idA), err
}

func deadlockFixtures() []Fixture {
	list := pair("deadlock", "dead", "two processes that each have locked the file that the other wants to lock",
		"a process that waits for one that is idle", func(m *maker) (object, error) {
			return makeDeadlock(m, "dead-a", "dead-b", "dead-1", "dead-2")
		}, makeLockWait)
	list = append(list, Fixture{
		Name: Demo, short: "demo", Makes: "the deadlock that the documentation pictures: billing and reports, ledger.lck and invoices.lck", roles: helperRoles(),
		make: func(m *maker) (object, error) {
			return makeDeadlock(m, "invoices.lck", "ledger.lck", "=billing", "=reports")
		},
	})
	control := func(word, short, makes string, make func(*maker) (object, error)) {
		list = append(list, Fixture{Name: "deadlock:control-" + word, short: short, Makes: makes, make: make, roles: helperRoles()})
	}
	readers := func(call string) func(*maker) (object, error) {
		return func(m *maker) (object, error) {
			a, idA, err := m.pipe()
			if err != nil {
				return object{}, err
			}
			b, _, err := m.pipe()
			if err != nil {
				return object{}, err
			}
			_, err = m.helperProcesses([]int{a[0], a[1], b[0], b[1]}, "talk-1 3,6: "+call+"read 3", "talk-2 5,4: read 5")
			return aboutObject(idA), err
		}
	}
	control("signal", "dead-g", "two processes that each read what the other one writes, one of which catches a signal", readers("catch 10; "))
	control("sleeper", "dead-l", "a process that wants a lock of one that sleeps and has what another one waits for", func(m *maker) (object, error) {
		a, id, err := m.lockFile("dead-l", 2)
		if err != nil {
			return object{}, err
		}
		if err := unix.Flock(a[0], unix.LOCK_EX); err != nil {
			return object{}, os.NewSyscallError("flock", err)
		}
		p, _, err := m.pipe()
		if err != nil {
			return object{}, err
		}
		_, err = m.helperProcesses([]int{a[0], a[1], p[0], p[1]}, "sleeps 3,6: sleep", "wants 4,6: flock 4", "reads 5: read 5")
		return aboutObject(id), err
	})
	return list
}
