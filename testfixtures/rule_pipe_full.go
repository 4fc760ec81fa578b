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
				m.expectFinding(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "warning"})
			}
			return aboutObject(id), err
		}
	}
	list := pair("pipe-full", "pfull", "a process that writes to a full pipe whose reader is idle", "a process that reads from an empty pipe",
		full("reader 3: pause", "writer 4: write 4"), makeReader, explanation{
			picture: "{3} → pipe FULL → {2} (idle)",
			calls: []string{
				"{3}: write(4, …, 4194304) and does not return",
				"{2}: has the read end, descriptor 3, and waits for a signal",
			},
			proc: []procFile{
				{"/proc/{3}/fd/4", "pipe:[{id}]"},
				{"/proc/{2}/fd/3", "pipe:[{id}]"},
				{"/proc/{3}/syscall", "0x4"},
			},
		}, explanation{
			picture: "{3} (idle) → empty pipe → {2}",
			calls: []string{
				"{2}: read(3) and does not return",
				"{3}: has the write end, descriptor 4",
			},
			proc: []procFile{
				{"/proc/{3}/fd/4", "pipe:[{id}]"},
				{"/proc/{2}/syscall", "0x3"},
			},
			next: []string{"ipctop why {2}"},
		})
	return append(list, Fixture{
		Name: DemoPipe, short: "demo-p", Makes: "the full pipe that the documentation pictures: yes and sleep",
		explain: explanation{
			picture: "{3} → pipe FULL → {2} (sleeps)",
			calls: []string{
				"{3}: write(4, …, 4194304) and does not return",
				"{2}: nanosleep(1000 s); has the read end, descriptor 3",
			},
			proc: []procFile{
				{"/proc/{3}/fd/4", "pipe:[{id}]"},
				{"/proc/{2}/fd/3", "pipe:[{id}]"},
				{"/proc/{3}/syscall", "0x4"},
			},
		},
		roles: helperRoles(),
		make:  full("=sleep 3: sleep", "=yes 4: write 4"),
	})
}
