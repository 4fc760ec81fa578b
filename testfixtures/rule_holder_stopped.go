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
				m.expectFinding(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "critical"})
			}
			return aboutObject(id), err
		}, makeLockWait, explanation{
			picture: "{3} → lock of {2} (stopped)",
			calls: []string{
				"{2}: flock(3, LOCK_EX) = 0, then SIGSTOP",
				"{3}: flock(4, LOCK_EX) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/status", "State: T"},
				{"/proc/{2}/fdinfo/3", "FLOCK ADVISORY WRITE"},
				{"/proc/{3}/syscall", "0x4"},
			},
		}, explanation{
			picture: "{3}, {4} → lock of {2} (idle)",
			calls: []string{
				"{2}: flock(3, LOCK_EX) = 0, then waits for a signal",
				"{3}: flock(4, LOCK_EX) and does not return; {4} the same with 5",
			},
			proc: []procFile{
				{"/proc/{2}/status", "State: S"},
				{"/proc/{2}/fdinfo/3", "FLOCK ADVISORY WRITE"},
			},
			next: []string{"ipctop why {3}"},
		})
}
