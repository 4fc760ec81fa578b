package corefile

import "strconv"

// Why a signal was sent (sigaction(2), asm-generic/siginfo.h).
const (
	codeUser   = 0
	codeKernel = 0x80
	codeQueue  = -1
	codeTkill  = -6
)

var codes = map[int]string{
	codeUser: "SI_USER", codeKernel: "SI_KERNEL", codeQueue: "SI_QUEUE", -2: "SI_TIMER", -3: "SI_MESGQ", -4: "SI_ASYNCIO", -5: "SI_SIGIO",
	codeTkill: "SI_TKILL",
}

// faults are the codes of signals that an instruction of the process caused, by
// signal number; the first one has code 1.
var faults = map[int][]string{
	4:  {"ILL_ILLOPC", "ILL_ILLOPN", "ILL_ILLADR", "ILL_ILLTRP", "ILL_PRVOPC", "ILL_PRVREG", "ILL_COPROC", "ILL_BADSTK"},
	5:  {"TRAP_BRKPT", "TRAP_TRACE", "TRAP_BRANCH", "TRAP_HWBKPT"},
	7:  {"BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR", "BUS_MCEERR_AR", "BUS_MCEERR_AO"},
	8:  {"FPE_INTDIV", "FPE_INTOVF", "FPE_FLTDIV", "FPE_FLTOVF", "FPE_FLTUND", "FPE_FLTRES", "FPE_FLTINV", "FPE_FLTSUB"},
	11: {"SEGV_MAPERR", "SEGV_ACCERR", "SEGV_BNDERR", "SEGV_PKUERR"},
	31: {"SYS_SECCOMP", "SYS_USER_DISPATCH"},
}

// dumping are the signals whose default is to end the process with a core (signal(7)).
var dumping = map[string]bool{
	"SIGQUIT": true, "SIGILL": true, "SIGTRAP": true, "SIGABRT": true, "SIGBUS": true, "SIGFPE": true, "SIGSEGV": true, "SIGXCPU": true,
	"SIGXFSZ": true, "SIGSYS": true,
}

func codeName(signal, code int) string {
	if name := codes[code]; name != "" {
		return name
	}
	if list := faults[signal]; code >= 1 && code <= len(list) {
		return list[code-1]
	}
	return strconv.Itoa(code)
}
