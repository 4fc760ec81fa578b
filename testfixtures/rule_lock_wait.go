package testfixtures

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

func makeLockWait(m *maker) (object, error) {
	fds, id, err := m.lockFile(strings.ReplaceAll(m.fixture.Name, ":", "-"), 3)
	if err != nil {
		return object{}, err
	}
	if err := unix.Flock(fds[0], unix.LOCK_EX); err != nil {
		return object{}, os.NewSyscallError("flock", err)
	}
	pids, err := m.helperProcesses(fds, "keeper 3: pause", "wants-1 4: flock 4", "wants-2 5: flock 5")
	if err == nil {
		m.finds(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "warning"})
	}
	return aboutObject(id), err
}

func lockWaitFixtures() []Fixture {
	return pair("lock-wait", "lwait", "two processes that wait for the lock of a third, which is idle", "a lock for which nobody waits", makeLockWait,
		func(m *maker) (object, error) {
			fds, id, err := m.lockFile("lock-wait-i", 1)
			if err != nil {
				return object{}, err
			}
			_ = unix.Flock(fds[0], unix.LOCK_EX)
			_, err = m.helperProcesses(fds, "keeper 3: pause")
			return aboutObject(id), err
		})
}
