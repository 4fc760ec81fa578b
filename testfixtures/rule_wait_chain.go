package testfixtures

import (
	"os"

	"golang.org/x/sys/unix"
)

func waitChainFixtures() []Fixture {
	return pair("wait-chain", "chain", "a process that waits for a lock of a second one, which waits for a lock of a third, idle one",
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
				m.expectFinding(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{idA, idB}, Severity: "warning"})
			}
			return aboutObject(idA), err
		}, makeReader, explanation{
			picture: "{4} → lock of {3} → lock of {2} (idle)",
			calls: []string{
				"{2}: flock(3, LOCK_EX) = 0, then waits for a signal",
				"{3}: flock(5, LOCK_EX) = 0, then flock(4, LOCK_EX) and does not return",
				"{4}: flock(6, LOCK_EX) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/fdinfo/3", "FLOCK ADVISORY WRITE"},
				{"/proc/{3}/syscall", "0x4"},
				{"/proc/{4}/syscall", "0x6"},
			},
			next: []string{"ipctop why {4}"},
		}, explanation{
			picture: "{3} (idle) → pipe → {2}",
			calls: []string{
				"{2}: read(3) and does not return",
				"{3}: has the write end, descriptor 4",
			},
			proc: []procFile{
				{"/proc/{2}/syscall", "0x3"},
				{"/proc/{3}/fd/4", "pipe:[{id}]"},
			},
			next: []string{"ipctop why {2}"},
		})
}
