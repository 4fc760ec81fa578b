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
	return pair("sem-nobody-posts", "semnp", "a process that waits at a semaphore in memory that it alone has", "one whose memory another process has as well",
		func(m *maker) (object, error) {
			pids, id, err := sem(m)
			m.finds(Diagnosis{Victims: pids, Objects: []string{id}, Severity: "warning"})
			return aboutObject(id), err
		}, func(m *maker) (object, error) {
			// It waits at another word of the same memory, for ever.
			_, id, err := sem(m, fmt.Sprintf("poster 3: futex 3 %d %d 0", futexAt+256, futexWait))
			return aboutObject(id), err
		})
}
