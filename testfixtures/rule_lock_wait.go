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
		m.expectFinding(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "warning"})
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
		}, explanation{
			picture: "{3}, {4} → lock of {2} (idle)",
			calls: []string{
				"{2}: flock(3, LOCK_EX) = 0, then waits for a signal",
				"{3}: flock(4, LOCK_EX) and does not return; {4} the same with 5",
			},
			proc: []procFile{
				{"/proc/locks", "FLOCK"},
				{"/proc/{2}/fdinfo/3", "FLOCK ADVISORY WRITE"},
				{"/proc/{3}/syscall", "0x4"},
			},
		}, explanation{
			picture: "{2} has a lock that nobody waits for",
			calls: []string{
				"{2}: flock(3, LOCK_EX) = 0",
			},
			proc: []procFile{
				{"/proc/{2}/fdinfo/3", "FLOCK ADVISORY WRITE"},
			},
		})
}
