package testfixtures

import (
	"os"

	"golang.org/x/sys/unix"
)

func holderStoppedFixtures() []Fixture {
	return pair("holder-stopped", "halt", "a process that waits for the lock of one that is stopped", "a process that waits for the lock of one that is idle",
		func(m *maker) (object, error) {
			fds, id, err := m.lockFile("halt", 2)
			if err != nil {
				return object{}, err
			}
			if err := unix.Flock(fds[0], unix.LOCK_EX); err != nil {
				return object{}, os.NewSyscallError("flock", err)
			}
			pids, err := m.helperProcesses(fds, "halted 3: halt; unlock 3", "wants 4: flock 4")
			if err == nil {
				m.finds(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "critical"})
			}
			return aboutObject(id), err
		}, makeLockWait)
}
