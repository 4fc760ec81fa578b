package testfixtures

func pipeFullFixtures() []Fixture {
	return pair("pipe-full", "pfull", "a process that writes to a full pipe whose reader is idle", "a process that reads from an empty pipe",
		func(m *maker) (object, error) {
			fds, id, err := m.pipe()
			if err != nil {
				return object{}, err
			}
			pids, err := m.helperProcesses(fds[:], "reader 3: pause", "writer 4: write 4")
			if err == nil {
				m.finds(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "warning"})
			}
			return aboutObject(id), err
		}, makeReader)
}
