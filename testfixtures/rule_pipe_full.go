package testfixtures

func pipeFullFixtures() []Fixture {
	full := func(reader, writer string) func(*maker) (object, error) {
		return func(m *maker) (object, error) {
			fds, id, err := m.pipe()
			if err != nil {
				return object{}, err
			}
			pids, err := m.helperProcesses(fds[:], reader, writer)
			if err == nil {
				m.finds(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "warning"})
			}
			return aboutObject(id), err
		}
	}
	list := pair("pipe-full", "pfull", "a process that writes to a full pipe whose reader is idle", "a process that reads from an empty pipe",
		full("reader 3: pause", "writer 4: write 4"), makeReader)
	return append(list, Fixture{
		Name: DemoPipe, short: "demo-p", Makes: "the full pipe that the documentation pictures: yes and sleep", roles: helperRoles(),
		make: full("=sleep 3: sleep", "=yes 4: write 4"),
	})
}
