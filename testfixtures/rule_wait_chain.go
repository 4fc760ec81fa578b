package testfixtures

import (
	"os"

	"golang.org/x/sys/unix"
)

func waitChainFixtures() []Fixture {
	return pair("wait-chain", "chain", "a process that waits for the lock of one that waits for the lock of a third, which is idle",
		"a process that waits for data from one that is idle", func(m *maker) (object, error) {
			a, idA, err := m.lockFile("chain-a", 2)
			if err != nil {
				return object{}, err
			}
			b, idB, err := m.lockFile("chain-b", 2)
			if err != nil {
				return object{}, err
			}
			for _, fd := range []int{a[0], b[0]} {
				if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
					return object{}, os.NewSyscallError("flock", err)
				}
			}
			pids, err := m.helperProcesses([]int{a[0], a[1], b[0], b[1]}, "chain-root 3: pause", "chain-mid 4,5: flock 4", "chain-end 6: flock 6")
			if err == nil {
				m.finds(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{idA, idB}, Severity: "warning"})
			}
			return aboutObject(idA), err
		}, makeReader)
}
