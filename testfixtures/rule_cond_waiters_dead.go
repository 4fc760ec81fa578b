package testfixtures

import "fmt"

// A process-shared condition variable of glibc 2.36 (pthread_cond_t). At offset 16: twice the
// number of waiters of a group, plus a bit that says that a notifier waits for them. At 32: the
// lock, which the notifier holds. At 36: the number of references times 8, with a bit for "shared".
const (
	condRefs   = futexAt + 16
	condWakeMe = 1
	condLock   = 1
	condShared = 1
	condGroup  = futexAt + 40 // the word on which the group waits
)

func condWaitersDeadFixtures() []Fixture {
	notifier := fmt.Sprintf("notify 3: futex 3 %d %d %d", condRefs, futexWait, 2|condWakeMe)
	words := func(m *maker) (fd int, id string, err error) {
		// From offset 16 on: two counts, two sizes, the lock, the references.
		fd, id, err = m.words(condRefs, 2|condWakeMe, 0, 0, 0, condLock, 8|condShared)
		return fd, id, err
	}
	return pair("cond-waiters-dead", "cdead", "a process that notifies a condition variable whose waiters were killed",
		"the same, with a waiter that lives",
		func(m *maker) (object, error) {
			fd, id, err := words(m)
			if err != nil {
				return object{}, err
			}
			pids, err := m.helperProcesses([]int{fd}, notifier)
			m.expectFinding(Diagnosis{Victims: pids, Objects: []string{id}, Severity: "critical"})
			return aboutObject(id), err
		}, func(m *maker) (object, error) {
			fd, id, err := words(m)
			if err != nil {
				return object{}, err
			}
			_, err = m.helperProcesses([]int{fd}, notifier, fmt.Sprintf("waits 3: futex 3 %d %d 0", condGroup, futexWaitBitset))
			return aboutObject(id), err
		}, explanation{
			picture: "{2} → waiters of a condition variable that were killed",
			calls: []string{
				"ipctop: writes the words of a condition variable whose waiters were killed",
				"{2}: futex(…, FUTEX_WAIT, …), as pthread_cond_signal(3) does, and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/maps", "/memfd:ipctop-fixture"},
				{"/proc/{2}/syscall", ""},
			},
		}, explanation{
			picture: "{2} → waiter {3}, which lives",
			calls: []string{
				"{2}: futex(…, FUTEX_WAIT, …), as pthread_cond_signal(3) does, and does not return",
				"{3}: futex(…, FUTEX_WAIT_BITSET, 0), as pthread_cond_wait(3) does, and does not return",
			},
			proc: []procFile{
				{"/proc/{3}/maps", "/memfd:ipctop-fixture"},
				{"/proc/{2}/syscall", ""},
			},
			next: []string{"ipctop why {2}"},
		})
}
