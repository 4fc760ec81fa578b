package testfixtures

import (
	"os"

	"golang.org/x/sys/unix"
)

func deadlockFixtures() []Fixture {
	return pair("deadlock", "dead", "two processes that each have locked the file that the other wants to lock",
		"a process that waits for one that is idle", func(m *maker) (object, error) {
			a, idA, err := m.lockFile("dead-a", 2)
			if err != nil {
				return object{}, err
			}
			b, idB, err := m.lockFile("dead-b", 2)
			if err != nil {
				return object{}, err
			}
			// A lock belongs to the description, which the helper processes inherit.
			for _, fd := range []int{a[0], b[0]} {
				if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
					return object{}, os.NewSyscallError("flock", err)
				}
			}
			pids, err := m.helperProcesses([]int{a[0], a[1], b[0], b[1]}, "dead-1 3,6: flock 6", "dead-2 5,4: flock 4")
			m.finds(Diagnosis{Victims: pids, Objects: []string{idA, idB}, Severity: "critical"})
			return aboutObject(idA), err
		}, makeLockWait)
}
