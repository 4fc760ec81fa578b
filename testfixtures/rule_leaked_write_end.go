package testfixtures

func leakedWriteEndFixtures() []Fixture {
	return pair("leaked-write-end", "leak", "two workers that each read from a pipe; the younger one keeps the write end of the other's pipe open by accident",
		"a process that reads from a pipe into which an older sibling is to write", func(m *maker) (object, error) {
			fds, id, err := m.pipe()
			if err != nil {
				return object{}, err
			}
			own, _, err := m.pipe()
			if err != nil {
				return object{}, err
			}
			pids, err := m.helperProcesses(append(fds[:], own[:]...), "worker 3: read 3", "worker 4,5: read 5", "boss 6: pause")
			if err == nil {
				m.expectFinding(Diagnosis{Root: pids[1], Victims: pids[:1], Objects: []string{id}, Severity: "warning"})
			}
			return aboutObject(id), err
		}, func(m *maker) (object, error) {
			fds, id, err := m.pipe()
			if err != nil {
				return object{}, err
			}
			_, err = m.helperProcesses(fds[:], "writer 4: pause", "reader 3: read 3")
			return aboutObject(id), err
		}, explanation{
			picture: "{4} → pipe → {2}; {3} has the write end, too",
			calls: []string{
				"{2}: read(3) and does not return: no end of file while {3} has descriptor 4",
				"{3}: read(5) and does not return; it inherited 4 by accident",
			},
			proc: []procFile{
				{"/proc/{3}/fd/4", "pipe:[{id}]"},
				{"/proc/{2}/fd/3", "pipe:[{id}]"},
				{"/proc/{2}/syscall", "0x3"},
			},
		}, explanation{
			picture: "{2} (idle) → pipe → {3}",
			calls: []string{
				"{3}: read(3) and does not return",
				"{2}: has the write end, descriptor 4",
			},
			proc: []procFile{
				{"/proc/{2}/fd/4", "pipe:[{id}]"},
				{"/proc/{3}/syscall", "0x3"},
			},
			next: []string{"ipctop why {3}"},
		})
}
