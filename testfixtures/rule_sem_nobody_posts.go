package testfixtures

import (
	"fmt"
)

func semNobodyPostsFixtures() []Fixture {
	sem := func(m *maker, more ...string) (pids []int, id string, err error) {
		const shared = 0x80
		fd, id, err := m.words(futexAt, 0, 1, shared)
		if err == nil {
			pids, err = m.helperProcesses([]int{fd}, append([]string{fmt.Sprintf("semwait 3: futex 3 %d %d 0", futexAt, futexWaitBitset)}, more...)...)
		}
		return pids, id, err
	}
	return pair("sem-nobody-posts", "semnp", "a process that waits for a semaphore in memory that no other process has", "a process that waits for a semaphore in memory that another process has, too",
		func(m *maker) (object, error) {
			pids, id, err := sem(m)
			m.expectFinding(Diagnosis{Victims: pids, Objects: []string{id}, Severity: "warning"})
			return aboutObject(id), err
		}, func(m *maker) (object, error) {
			// It waits on another word of the same memory, for ever.
			_, id, err := sem(m, fmt.Sprintf("poster 3: futex 3 %d %d 0", futexAt+256, futexWait))
			return aboutObject(id), err
		}, explanation{
			picture: "{2} → semaphore in memory of its own",
			calls: []string{
				"{2}: futex(…, FUTEX_WAIT_BITSET, 0), as sem_wait(3) does, and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/maps", "/memfd:ipctop-fixture"},
				{"/proc/{2}/syscall", ""},
			},
		}, explanation{
			picture: "{2} → semaphore ← {3} may post",
			calls: []string{
				"{2}: futex(…, FUTEX_WAIT_BITSET, 0), as sem_wait(3) does, and does not return",
				"{3}: has the memory mapped, too",
			},
			proc: []procFile{
				{"/proc/{2}/maps", "/memfd:ipctop-fixture"},
				{"/proc/{3}/maps", "/memfd:ipctop-fixture"},
			},
			next: []string{"ipctop why {2}"},
		})
}
