package model

import (
	"fmt"
	"strconv"
	"strings"
)

// Signals are identified by name. 1 to 31 have the names and numbers of
// include/uapi/asm-generic/signal.h, which amd64, arm64 and 386 share. The
// real-time signals are counted from the SIGRTMIN that programs see, 34:
// SIGRTMIN, SIGRTMIN+1 … SIGRTMIN+29, and 64 is SIGRTMAX. 32 and 33 have no name
// for programs: glibc reserves them for cancelling threads and changing their
// user ids (nptl(7)), musl also reserves 34. Here they are SIG32 and SIG33.

// MaxSignal is the highest signal number, SIGRTMAX.
const MaxSignal = 64

const sigRTMin = 34 // SIGRTMIN of programs; the kernel's own is 32

var standardSignals = [...]string{
	1: "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV",
	"SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU",
	"SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
}

// signalAliases are other names that signal(7) gives.
var signalAliases = map[string]int{"SIGIOT": 6, "SIGCLD": 17, "SIGPOLL": 29, "SIGUNUSED": 31}

// signalNames is indexed by signal number.
var signalNames = func() (n [MaxSignal + 1]string) {
	copy(n[:], standardSignals[:])
	for i := len(standardSignals); i <= MaxSignal; i++ {
		switch {
		case i < sigRTMin:
			n[i] = "SIG" + strconv.Itoa(i)
		case i == sigRTMin:
			n[i] = "SIGRTMIN"
		case i == MaxSignal:
			n[i] = "SIGRTMAX"
		default:
			n[i] = "SIGRTMIN+" + strconv.Itoa(i-sigRTMin)
		}
	}
	return n
}()

var signalNumbers = func() map[string]int {
	m := make(map[string]int, MaxSignal+len(signalAliases))
	for i := 1; i <= MaxSignal; i++ {
		m[signalNames[i]] = i
	}
	for name, i := range signalAliases {
		m[name] = i
	}
	return m
}()

// SignalName returns the name of signal n; SIG with the number if there is no such
// signal.
func SignalName(n int) string {
	if n < 1 || n > MaxSignal {
		return "SIG" + strconv.Itoa(n)
	}
	return signalNames[n]
}

// SignalNumber parses a signal as people write it: SIGTERM, TERM, term, 15, RTMIN+2,
// SIGRTMAX-1, SIG33. The null signal, 0, is an error.
func SignalNumber(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil {
		return signalInRange(n, name)
	}
	full := strings.ToUpper(name)
	if !strings.HasPrefix(full, "SIG") {
		full = "SIG" + full
	}
	if n, ok := signalNumbers[full]; ok {
		return n, nil
	}
	for prefix, from := range map[string]int{"SIGRTMIN+": sigRTMin, "SIGRTMAX-": MaxSignal} {
		digits, ok := strings.CutPrefix(full, prefix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 8)
		if err != nil || int(n) > MaxSignal-sigRTMin {
			break
		}
		if from == MaxSignal {
			return MaxSignal - int(n), nil
		}
		return sigRTMin + int(n), nil
	}
	if digits := full[len("SIG"):]; digits != "" && digits[0] >= '0' && digits[0] <= '9' {
		if n, err := strconv.Atoi(digits); err == nil {
			return signalInRange(n, name)
		}
	}
	return 0, fmt.Errorf("there is no signal %q", name)
}

func signalInRange(n int, name string) (int, error) {
	if n < 1 || n > MaxSignal {
		return 0, fmt.Errorf("there is no signal %q: they go from 1 to %d", name, MaxSignal)
	}
	return n, nil
}
