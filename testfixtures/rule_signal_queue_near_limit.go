package testfixtures

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// blockInAll blocks signals in all threads. For that the process executes itself again; see
// [signalsRole]. It returns true in the new execution.
func (r *role) blockInAll(signals ...int) (bool, error) {
	if slices.Contains(r.args, "blocked") {
		return true, nil
	}
	if err := block(signals); err != nil {
		return false, err
	}
	return false, unix.Exec("/proc/self/exe", slices.Concat(os.Args, []string{"blocked"}), os.Environ())
}

func signalQueueNearLimitFixtures() []Fixture {
	return []Fixture{{
		Name:  "signal-queue-near-limit",
		short: "sigq",
		Makes: "a process with 18 queued signals, close to its limit",
		explain: explanation{
			picture: "18 signals → {1}, pending",
			calls: []string{
				"{1}: rt_sigprocmask(SIG_BLOCK, [SIGRTMIN+5]), kill(itself, SIGRTMIN+5) 18 times, setrlimit(RLIMIT_SIGPENDING)",
			},
			proc: []procFile{
				{"/proc/{1}/status", "SigQ:"},
				{"/proc/{1}/limits", "Max pending signals"},
			},
			next: []string{"ipctop check", "ipctop show {1}"},
		},
		make:  func(m *maker) (object, error) { return makeSignalQueue(m, 1) },
		roles: map[string]func(*role) error{"h": signalQueueRole},
	}, {
		Name:  "signal-queue-near-limit:control",
		short: "sigq-i",
		Makes: "a process with as many queued signals and ten times the limit",
		explain: explanation{
			picture: "18 signals → {1}, pending",
			calls: []string{
				"{1}: the same with a limit that is ten times as high",
			},
			proc: []procFile{
				{"/proc/{1}/status", "SigQ:"},
			},
			next: []string{"ipctop show {1}"},
		},
		make:  func(m *maker) (object, error) { return makeSignalQueue(m, 10) },
		roles: map[string]func(*role) error{"h": signalQueueRole},
	}}
}

func makeSignalQueue(m *maker, times int) (object, error) {
	p, err := m.start("h", nil, part{args: []string{strconv.Itoa(times)}})
	if err != nil {
		return object{}, err
	}
	m.expectFinding(Diagnosis{Root: p.pid})
	return aboutProcess(p), nil
}

// signalQueueRole queues 18 signals. It then sets its limit on queued signals to the given
// multiple of n+2, where n is the number of signals queued for its user.
func signalQueueRole(r *role) error {
	const sig = sigRTMin + 5
	if ok, err := r.blockInAll(sig); !ok {
		return err
	}
	times, err := strconv.Atoi(r.args[0])
	if err != nil {
		return err
	}
	for range 18 {
		if err := unix.Kill(os.Getpid(), sig); err != nil {
			return os.NewSyscallError("kill", err)
		}
	}
	queued, err := signalsQueued()
	if err != nil {
		return err
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_SIGPENDING, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	limit.Cur = uint64(times * (queued + 2))
	if err := unix.Setrlimit(unix.RLIMIT_SIGPENDING, &limit); err != nil {
		return needing("a higher limit on signals", os.NewSyscallError("setrlimit", err))
	}
	return r.readyAndHold(nil)
}

// signalsQueued is how many signals are queued for this user.
func signalsQueued() (int, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), "\nSigQ:\t")
	n, _, ok := strings.Cut(after, "/")
	if !ok {
		return 0, fmt.Errorf("/proc/self/status has no SigQ")
	}
	return strconv.Atoi(n)
}
