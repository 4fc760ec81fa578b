package testfixtures

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func zombiesFixtures() []Fixture {
	roles := map[string]func(*role) error{"p": zombieParentRole, "c": endRole}
	return []Fixture{{
		Name:  "zombies",
		short: "zomb",
		Makes: "a process that does not wait for its 12 ended children",
		explain: explanation{
			picture: "{1} has 12 children that have ended",
			calls: []string{
				"{1}: fork(2) twelve times and no wait(2)",
				"{2}: exit(2)",
			},
			proc: []procFile{
				{"/proc/{1}/status", "State: S"},
				{"/proc/{2}/status", "State: Z"},
			},
			next: []string{"ipctop check", "ipctop show {1}"},
		},
		make:  func(m *maker) (object, error) { return makeZombies(m, 12) },
		roles: roles,
	}, {
		Name:  "zombies:control",
		short: "zomb-i",
		Makes: "a process with 3 ended children, as if it were about to reap them",
		explain: explanation{
			picture: "{1} has 3 children that have ended",
			calls: []string{
				"{1}: fork(2) three times, and wakes up now and then",
				"{2}: exit(2)",
			},
			proc: []procFile{
				{"/proc/{2}/status", "State: Z"},
			},
			next: []string{"ipctop show {1}"},
		},
		make:  func(m *maker) (object, error) { return makeZombies(m, 3) },
		roles: map[string]func(*role) error{"p": awakeParentRole, "c": endRole},
	}, {
		Name:  "zombies:blocked",
		short: "zomb-b",
		Makes: "a process with an ended child that blocks SIGCHLD, so that it is not notified",
		explain: explanation{
			picture: "{2} is not told that {3} has ended",
			calls: []string{
				"{2}: rt_sigprocmask(SIG_BLOCK, [SIGCHLD]), fork(2), and no wait(2)",
				"{3}: killed",
			},
			proc: []procFile{
				{"/proc/{2}/status", "SigBlk: 0000000000010000"},
				{"/proc/{3}/status", "State: Z"},
			},
			next: []string{"ipctop check", "ipctop show {2}"},
		},
		make:  makeDeafParent,
		roles: helperRoles(),
	}}
}

// makeDeafParent uses a helper process, as the Go runtime does not let SIGCHLD be blocked.
func makeDeafParent(m *maker) (object, error) {
	pids, err := m.helperProcesses(nil, fmt.Sprintf("deaf -: block %d; child; sleep", unix.SIGCHLD))
	if err != nil {
		return object{}, err
	}
	child := 0
	if err := m.until("it has a child", func() (bool, error) {
		child, err = childOf(pids[0])
		return child != 0, err
	}); err != nil {
		return object{}, err
	}
	if err := unix.Kill(child, unix.SIGKILL); err != nil {
		return object{}, os.NewSyscallError("kill", err)
	}
	m.children = append(m.children, child)
	m.expectFinding(Diagnosis{Root: pids[0], PIDs: []int{child}, Severity: "info"})
	return aboutProcess(&process{pid: pids[0], comm: "fx-deaf"}), m.until("its child has ended", func() (bool, error) {
		return strings.HasPrefix(statusOf(child, "State"), "Z"), nil
	})
}

// childOf is one child of a process; 0 if there is none.
func childOf(pid int) (int, error) {
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, d := range dirs {
		if n, err := strconv.Atoi(d.Name()); err == nil && parentOf(n) == pid {
			return n, nil
		}
	}
	return 0, nil
}

func makeZombies(m *maker, children int) (object, error) {
	var pids []int
	p, err := m.start("p", &pids, part{args: []string{strconv.Itoa(children)}})
	if err != nil {
		return object{}, err
	}
	m.children = pids
	m.expectFinding(Diagnosis{Root: p.pid, PIDs: pids})
	return aboutProcess(p), nil
}

// zombieParentRole starts as many children as it is told and waits until all have ended, but reaps none.
func zombieParentRole(r *role) error {
	pids, err := zombieChildren(r)
	if err != nil {
		return err
	}
	return r.readyAndHold(pids)
}

// awakeParentRole is like zombieParentRole, but has other work to do.
func awakeParentRole(r *role) error {
	pids, err := zombieChildren(r)
	if err == nil {
		err = r.ready(pids)
	}
	if err != nil {
		return err
	}
	for n := 0; n == 0; {
		n, _ = unix.Poll([]unix.PollFd{{Fd: deathPipeFD, Events: unix.POLLIN}}, 500)
	}
	r.hold()
	return nil
}

func zombieChildren(r *role) ([]int, error) {
	n, err := strconv.Atoi(r.args[0])
	if err != nil {
		return nil, err
	}
	var pids []int
	for range n {
		pid, err := r.child("c", nil)
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
		for err = unix.EINTR; err == unix.EINTR; {
			err = unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		}
		if err != nil {
			return nil, os.NewSyscallError("waitid", err)
		}
	}
	return pids, nil
}

// endRole ends at once.
func endRole(*role) error {
	unix.Exit(0)
	return nil
}
