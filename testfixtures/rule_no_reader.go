package testfixtures

import (
	"os"
)

func noReaderFixtures() []Fixture {
	list := pair("no-reader", "nord", "a process that holds the write end of a pipe without a reader", "a pipe with a reader",
		func(m *maker) (object, error) {
			fds, id, err := m.pipe()
			if err != nil {
				return object{}, err
			}
			if os.Geteuid() != 0 {
				return object{}, &Unavailable{Reason: "needs root: whose pipe it is, others cannot know for sure"}
			}
			pids, err := m.helperProcesses(fds[:], "writer 4: pause")
			m.expectFinding(Diagnosis{Victims: pids, Objects: []string{id}, Severity: "info"})
			return aboutObject(id), err
		}, makeReader, explanation{
			picture: "{2} → pipe → nobody",
			calls: []string{
				"{2}: has the write end, descriptor 4; nobody has the read end: the next write(2) is SIGPIPE",
			},
			proc: []procFile{
				{"/proc/{2}/fd/4", "pipe:[{id}]"},
			},
		}, explanation{
			picture: "{3} → pipe → {2}",
			calls: []string{
				"{2}: read(3) and does not return",
			},
			proc: []procFile{
				{"/proc/{2}/fd/3", "pipe:[{id}]"},
				{"/proc/{3}/fd/4", "pipe:[{id}]"},
			},
			next: []string{"ipctop show {object}"},
		})
	list[0].everybody = true
	return list
}
