package testfixtures

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func stoppedByTTYFixtures() []Fixture {
	roles := func(background func(*role) error) map[string]func(*role) error {
		return map[string]func(*role) error{"tm": terminalRole, "sh": foregroundRole, "bg": background}
	}
	return []Fixture{{
		Name:  "stopped-by-tty",
		short: "tty",
		Makes: "a terminal with a background process that was stopped because it tried to read",
		explain: explanation{
			picture: "{3} (background) – terminal – {2} (foreground)",
			calls: []string{
				"{3}: read(3) from its terminal as a background process: SIGTTIN stops it",
			},
			proc: []procFile{
				{"/proc/{3}/status", "State: T"},
				{"/proc/{3}/fd/3", "/dev/pts/"},
			},
			next: []string{"ipctop check", "ipctop show {3}"},
		},
		Needs: "a devpts with /dev/ptmx",
		make:  makeStoppedByTTY,
		roles: roles(readTerminalRole),
	}, {
		Name:  "stopped-by-tty:control",
		short: "tty-i",
		Makes: "a terminal with a background process that stopped itself",
		explain: explanation{
			picture: "{3} (background) – terminal – {2} (foreground)",
			calls: []string{
				"{3}: kill(itself, SIGSTOP)",
			},
			proc: []procFile{
				{"/proc/{3}/status", "State: T"},
			},
			next: []string{"ipctop show {3}"},
		},
		Needs: "a devpts with /dev/ptmx",
		make:  makeStoppedByTTY,
		roles: roles(stopRole),
	}}
}

// job is a session leader and its background process.
type job struct{ Leader, Background int }

func makeStoppedByTTY(m *maker) (object, error) {
	t, err := openTerminal()
	if err != nil {
		return object{}, err
	}
	m.own(t.Master, t.Slave)
	var j job
	if _, err := m.start("tm", &j, part{fds: []int{t.Master, t.Slave}}); err != nil {
		return object{}, err
	}
	m.children = []int{j.Leader, j.Background}
	m.expectFinding(Diagnosis{Root: j.Background, Confidence: "certain"})
	return object{fmt.Sprintf("process:%d", j.Background), tree{"pid": j.Background, "state": "T"}}, nil
}

// terminalRole holds the master and starts a session on the slave. The session leader
// reports that all is ready.
func terminalRole(r *role) error {
	slave := firstFD + 1
	if _, err := r.child("sh", &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: firstFD}, slave); err != nil {
		return err
	}
	r.hold()
	return nil
}

// foregroundRole is in the foreground of its terminal and starts a background job.
func foregroundRole(r *role) error {
	pid, err := r.child("bg", &syscall.SysProcAttr{Setpgid: true}, firstFD)
	if err != nil {
		return err
	}
	for err = unix.EINTR; err == unix.EINTR; {
		err = unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
	}
	if err != nil {
		return os.NewSyscallError("waitid", err)
	}
	return r.readyAndHold(job{os.Getpid(), pid})
}

// readTerminalRole reads from its terminal.
func readTerminalRole(r *role) error {
	if err := r.stopReporting(); err != nil {
		return err
	}
	var b [1]byte
	n, err := unix.Read(firstFD, b[:])
	return fmt.Errorf("it was not stopped: read %d, %w", n, err)
}

// stopRole stops its process.
func stopRole(r *role) error {
	if err := r.stopReporting(); err != nil {
		return err
	}
	return fmt.Errorf("it was not stopped: %w", unix.Kill(os.Getpid(), unix.SIGSTOP))
}
