package testfixtures

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/model"
)

// ctrlS is the character that stops a terminal's output (IXON in termios(3)).
const ctrlS = 0x13

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
	stopped := Fixture{
		Name: "pty-not-read:ctrl-s", short: "ptynr-s", Makes: "a program that writes to a terminal whose output Ctrl-S has stopped", roles: helperRoles(),
		make: func(m *maker) (object, error) {
			t, err := openTerminal()
			if err != nil {
				return object{}, err
			}
			m.own(t.Master, t.Slave)
			if _, err := unix.Write(t.Master, []byte{ctrlS}); err != nil {
				return object{}, os.NewSyscallError("write", err)
			}
			pids, err := m.helperProcesses([]int{t.Master, t.Slave}, "term 3: read 3", "program 4: write 4")
			if err != nil {
				return object{}, err
			}
			id := t.object(tree{}, tree{}).id
			m.expectFinding(Diagnosis{Victims: pids[1:], Objects: []string{id}, Severity: "warning", Confidence: model.Likely})
			return aboutObject(id), nil
		},
		explain: explanation{
			picture: "{3} → terminal, output stopped → nobody",
			calls: []string{
				"write(master, \"\\x13\", 1): Ctrl-S",
				"{2}: the terminal emulator: has the master, descriptor 3, and reads from it all that comes",
				"{3}: write(4, …, 4194304) to the terminal, and it does not return",
			},
			proc: []procFile{
				{"/proc/{3}/fd/4", "/dev/pts/"},
				{"/proc/{2}/fdinfo/3", "tty-index:"},
			},
		},
	}
	return append(pair("pty-not-read", "ptynr", "a program that writes to a terminal whose emulator does not read", "a program that waits for input at its terminal",
		func(m *maker) (object, error) {
			pids, id, err := terminal(m, "write 4")
			if err == nil {
				m.expectFinding(Diagnosis{Root: pids[0], Victims: pids[1:], Objects: []string{id}, Severity: "warning"})
			}
			return aboutObject(id), err
		}, func(m *maker) (object, error) {
			_, id, err := terminal(m, "read 4")
			return aboutObject(id), err
		}, explanation{
			picture: "{3} → terminal FULL → {2} (idle)",
			calls: []string{
				"{2}: the terminal emulator: has the master, descriptor 3, and does not read",
				"{3}: write(4, …, 4194304) to the terminal, and it does not return",
			},
			proc: []procFile{
				{"/proc/{3}/fd/4", "/dev/pts/"},
				{"/proc/{2}/fdinfo/3", "tty-index:"},
			},
		}, explanation{
			picture: "{2} (idle) → terminal → {3}",
			calls: []string{
				"{3}: read(4) from its terminal, and it does not return",
			},
			proc: []procFile{
				{"/proc/{3}/fd/4", "/dev/pts/"},
				{"/proc/{3}/syscall", "0x4"},
			},
			next: []string{"ipctop why {3}"},
		}), stopped)
}
