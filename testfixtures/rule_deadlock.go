package testfixtures

import (
	"os"

	"golang.org/x/sys/unix"
)

// makeDeadlock makes two processes that each lock a file and want the other's.
func makeDeadlock(m *maker, fileA, fileB, nameA, nameB string) (object, error) {
	a, idA, err := m.lockFile(fileA, 2)
	if err != nil {
		return object{}, err
	}
	b, idB, err := m.lockFile(fileB, 2)
	if err != nil {
		return object{}, err
	}
	// A lock belongs to the open file description, which the helper processes inherit.
	for _, fd := range []int{a[0], b[0]} {
		if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
			return object{}, os.NewSyscallError("flock", err)
		}
	}
	pids, err := m.helperProcesses([]int{a[0], a[1], b[0], b[1]}, nameA+" 3,6: flock 6", nameB+" 5,4: flock 4")
	m.expectFinding(Diagnosis{Victims: pids, Objects: []string{idA, idB}, Severity: "critical"})
	return aboutObject(idA), err
}

func deadlockFixtures() []Fixture {
	list := pair("deadlock", "dead", "two processes; each has locked the file that the other one wants to lock",
		"a process that waits for one that is idle", func(m *maker) (object, error) {
			return makeDeadlock(m, "dead-a", "dead-b", "dead-1", "dead-2")
		}, makeLockWait, explanation{
			picture: "{2} → file b of {3}; {3} → file a of {2}: a circle",
			calls: []string{
				"{2}: flock(3, LOCK_EX) = 0, then flock(6, LOCK_EX) and does not return",
				"{3}: flock(5, LOCK_EX) = 0, then flock(4, LOCK_EX) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/fdinfo/3", "FLOCK ADVISORY WRITE"},
				{"/proc/{3}/fdinfo/5", "FLOCK ADVISORY WRITE"},
				{"/proc/locks", "FLOCK"},
				{"/proc/{2}/syscall", "0x6"},
			},
		}, explanation{
			picture: "{3}, {4} → lock of {2} (idle)",
			calls: []string{
				"{2}: flock(3, LOCK_EX) = 0, then waits for a signal",
				"{3}: flock(4, LOCK_EX) and does not return; {4} the same with 5",
			},
			proc: []procFile{
				{"/proc/{2}/fdinfo/3", "FLOCK ADVISORY WRITE"},
				{"/proc/{3}/syscall", "0x4"},
			},
			next: []string{"ipctop why {3}"},
		})
	list = append(list, Fixture{
		Name: Demo, short: "demo", Makes: "the deadlock that the documentation pictures: billing and reports, ledger.lck and invoices.lck",
		explain: explanation{
			picture: "{2} → ledger.lck of {3}; {3} → invoices.lck of {2}: a circle",
			calls: []string{
				"{2}: flock(3, LOCK_EX) = 0, then flock(6, LOCK_EX) and does not return",
				"{3}: flock(5, LOCK_EX) = 0, then flock(4, LOCK_EX) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/fdinfo/3", "FLOCK ADVISORY WRITE"},
				{"/proc/{3}/fdinfo/5", "FLOCK ADVISORY WRITE"},
				{"/proc/{2}/fd/3", "invoices.lck"},
			},
		},
		roles: helperRoles(),
		make: func(m *maker) (object, error) {
			return makeDeadlock(m, "invoices.lck", "ledger.lck", "=billing", "=reports")
		},
	})
	control := func(word, short, makes string, make func(*maker) (object, error), explain explanation) {
		list = append(list, Fixture{Name: "deadlock:control-" + word, short: short, Makes: makes, make: make, roles: helperRoles(), explain: explain})
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
	control("signal", "dead-g", "two processes that each read what the other one writes, one of which catches a signal", readers("catch 10; "), explanation{
		picture: "{2} reads from {3}, {3} from {2}; a signal may wake {2}",
		calls: []string{
			"{2}: rt_sigaction(SIGUSR1), read(3) and does not return",
			"{3}: read(5) and does not return",
		},
		proc: []procFile{
			{"/proc/{2}/status", "SigCgt:"},
			{"/proc/{2}/syscall", "0x3"},
		},
		next: []string{"ipctop why {2}"},
	})
	control("sleeper", "dead-l", "a process that waits for a lock of a sleeping process, and holds what another process waits for", func(m *maker) (object, error) {
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
	}, explanation{
		picture: "{3} → lock of {2}, which sleeps; {4} → data of {3}",
		calls: []string{
			"{2}: flock(3, LOCK_EX) = 0, nanosleep(1000 s)",
			"{3}: flock(4, LOCK_EX) and does not return",
			"{4}: read(5) and does not return",
		},
		proc: []procFile{
			{"/proc/{2}/fdinfo/3", "FLOCK ADVISORY WRITE"},
			{"/proc/{3}/syscall", "0x4"},
		},
		next: []string{"ipctop why {4}"},
	})
	return list
}
