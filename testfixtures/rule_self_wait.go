package testfixtures

func selfWaitFixtures() []Fixture {
	return pair("self-wait", "self", "a process that reads from a pipe whose only other end it has itself",
		"a process that reads from a pipe whose other end another one has", func(m *maker) (object, error) {
			fds, id, err := m.pipe()
			if err != nil {
				return object{}, err
			}
			pids, err := m.helperProcesses(fds[:], "self 3,4: read 3")
			if err == nil {
				m.finds(Diagnosis{Root: pids[0], Victims: pids, Objects: []string{id}, Severity: "critical"})
			}
			return aboutObject(id), err
		}, makeReader)
}
