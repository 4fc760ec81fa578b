package testfixtures

import (
	"os"
)

func noReaderFixtures() []Fixture {
	return pair("no-reader", "nord", "a process that has the write end of a pipe that nobody can read", "a pipe with a reader",
		func(m *maker) (object, error) {
			fds, id, err := m.pipe()
			if err != nil {
				return object{}, err
			}
			if os.Geteuid() != 0 {
				return object{}, &Unavailable{Reason: "needs root: whose pipe it is, others cannot know for sure"}
			}
			pids, err := m.helperProcesses(fds[:], "writer 4: pause")
			m.finds(Diagnosis{Victims: pids, Objects: []string{id}, Severity: "info"})
			return aboutObject(id), err
		}, makeReader)
}
