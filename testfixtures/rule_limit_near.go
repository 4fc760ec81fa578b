package testfixtures

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

func limitNearFixtures() []Fixture {
	roles := map[string]func(*role) error{"h": fileLimitRole}
	return []Fixture{{
		Name:  "limit-near",
		short: "limit",
		Makes: "a process whose open files nearly reach its limit",
		explain: explanation{
			picture: "{1} has 37 of 40 files",
			calls: []string{
				"{1}: setrlimit(RLIMIT_NOFILE, 40), open(2) until descriptor 36",
			},
			proc: []procFile{
				{"/proc/{1}/limits", "Max open files 40"},
				{"/proc/{1}/fd/36", "/dev/null"},
			},
			next: []string{"ipctop check", "ipctop show {1}"},
		},
		make:  func(m *maker) (object, error) { return makeFileLimit(m, 40) },
		roles: roles,
	}, {
		Name:  "limit-near:control",
		short: "limit-i",
		Makes: "a process with as many open files and twice the limit",
		explain: explanation{
			picture: "{1} has 37 of 80 files",
			calls: []string{
				"{1}: setrlimit(RLIMIT_NOFILE, 80), open(2) until descriptor 36",
			},
			proc: []procFile{
				{"/proc/{1}/limits", "Max open files 80"},
			},
			next: []string{"ipctop show {1}"},
		},
		make:  func(m *maker) (object, error) { return makeFileLimit(m, 80) },
		roles: roles,
	}}
}

func makeFileLimit(m *maker, limit int) (object, error) {
	p, err := m.start("h", nil, part{args: []string{strconv.Itoa(limit)}})
	if err != nil {
		return object{}, err
	}
	m.expectFinding(Diagnosis{Root: p.pid, Confidence: "certain"})
	return aboutProcess(p), nil
}

// fileLimitRole limits its open files to the number in its argument, and has about 36 open.
func fileLimitRole(r *role) error {
	n, err := strconv.ParseUint(r.args[0], 10, 64)
	if err != nil {
		return err
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	limit.Cur = n
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("setrlimit", err)
	}
	for fd := 0; fd < 36; {
		if fd, err = unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return fmt.Errorf("/dev/null: %w", err)
		}
	}
	return r.readyAndHold(nil)
}
