package testfixtures

func ptyNotReadFixtures() []Fixture {
	terminal := func(m *maker, program string) (pids []int, id string, err error) {
		t, err := openTerminal()
		if err != nil {
			return nil, "", err
		}
		m.own(t.Master, t.Slave)
		pids, err = m.helperProcesses([]int{t.Master, t.Slave}, "term 3: pause", "program 4: "+program)
		return pids, t.object(tree{}, tree{}).id, err
	}
	return pair("pty-not-read", "ptynr", "a program that writes to a terminal whose emulator does not read", "a program that waits for input at its terminal",
		func(m *maker) (object, error) {
			pids, id, err := terminal(m, "write 4")
			if err == nil {
				m.finds(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "warning"})
			}
			return aboutObject(id), err
		}, func(m *maker) (object, error) {
			_, id, err := terminal(m, "read 4")
			return aboutObject(id), err
		})
}
