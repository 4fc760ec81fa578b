package testfixtures

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

func termSignalBlockedFixtures() []Fixture {
	return []Fixture{{
		Name:  "term-signal-blocked",
		short: "term",
		Makes: "a process that blocks SIGTERM, with a SIGTERM pending",
		explain: explanation{
			picture: "SIGTERM → {2}, pending",
			calls: []string{
				"{2}: rt_sigprocmask(SIG_BLOCK, [SIGTERM, SIGUSR1])",
				"{1}: kill({2}, SIGTERM)",
			},
			proc: []procFile{
				{"/proc/{2}/status", "ShdPnd: 0000000000004000"},
			},
			next: []string{"ipctop check", "ipctop show {2}"},
		},
		make:  func(m *maker) (object, error) { return makePending(m, unix.SIGTERM) },
		roles: map[string]func(*role) error{"h": pendingRole},
	}, {
		Name:  "term-signal-blocked:control",
		short: "term-i",
		Makes: "a process that blocks SIGTERM and SIGUSR1, with only SIGUSR1 pending",
		explain: explanation{
			picture: "SIGUSR1 → {2}, pending",
			calls: []string{
				"{2}: rt_sigprocmask(SIG_BLOCK, [SIGTERM, SIGUSR1])",
				"{1}: kill({2}, SIGUSR1)",
			},
			proc: []procFile{
				{"/proc/{2}/status", "ShdPnd: 0000000000000200"},
			},
			next: []string{"ipctop show {2}"},
		},
		make:  func(m *maker) (object, error) { return makePending(m, unix.SIGUSR1) },
		roles: map[string]func(*role) error{"h": pendingRole},
	}}
}

func makePending(m *maker, sig syscall.Signal) (object, error) {
	var pid int
	if _, err := m.start("h", &pid, part{args: []string{strconv.Itoa(int(sig))}}); err != nil {
		return object{}, err
	}
	m.children = []int{pid}
	m.expectFinding(Diagnosis{Root: pid, Confidence: "certain"})
	return object{"process:" + strconv.Itoa(pid), tree{"pid": pid}}, nil
}

// pendingRole has a child that blocks SIGTERM and SIGUSR1, and sends it the signal in its argument.
// The Go runtime does not let all its threads block SIGTERM; the child has one thread and no runtime.
func pendingRole(r *role) error {
	sig, err := strconv.Atoi(r.args[0])
	if err != nil {
		return err
	}
	if err := block([]int{int(unix.SIGTERM), int(unix.SIGUSR1)}); err != nil {
		return err
	}
	child, errno := forkHolder()
	if errno != 0 {
		return named("clone", errno)
	}
	r.children = append(r.children, int(child))
	if err := unix.Kill(int(child), syscall.Signal(sig)); err != nil {
		return os.NewSyscallError("kill", err)
	}
	return r.readyAndHold(int(child))
}
