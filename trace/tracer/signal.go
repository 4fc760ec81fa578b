package tracer

import (
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/bpf"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
	"github.com/ipctop/ipctop/trace"
)

// Values of si_code (include/uapi/asm-generic/siginfo.h).
const (
	siUser   = 0
	siKernel = 0x80
	siQueue  = -1
	siTimer  = -2
	siMesgq  = -3
	siAsync  = -4
	siSigIO  = -5
	siTkill  = -6
)

var (
	codeNames = map[int]string{
		siUser: "SI_USER", siKernel: "SI_KERNEL", siQueue: "SI_QUEUE", siTimer: "SI_TIMER", siMesgq: "SI_MESGQ", siAsync: "SI_ASYNCIO",
		siSigIO: "SI_SIGIO", siTkill: "SI_TKILL", -7: "SI_DETHREAD", -60: "SI_ASYNCNL",
	}
	// codesOf are the names of the codes that have a meaning for one signal only, from code 1 on.
	codesOf = map[unix.Signal][]string{
		unix.SIGCHLD: {"CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"},
		unix.SIGSEGV: {"SEGV_MAPERR", "SEGV_ACCERR", "SEGV_BNDERR", "SEGV_PKUERR"},
		unix.SIGBUS:  {"BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR", "BUS_MCEERR_AR", "BUS_MCEERR_AO"},
		unix.SIGILL:  {"ILL_ILLOPC", "ILL_ILLOPN", "ILL_ILLADR", "ILL_ILLTRP", "ILL_PRVOPC", "ILL_PRVREG", "ILL_COPROC", "ILL_BADSTK"},
		unix.SIGFPE:  {"FPE_INTDIV", "FPE_INTOVF", "FPE_FLTDIV", "FPE_FLTOVF", "FPE_FLTUND", "FPE_FLTRES", "FPE_FLTINV", "FPE_FLTSUB"},
		unix.SIGTRAP: {"TRAP_BRKPT", "TRAP_TRACE", "TRAP_BRANCH", "TRAP_HWBKPT", "TRAP_UNK", "TRAP_PERF"},
		unix.SIGSYS:  {"SYS_SECCOMP", "SYS_USER_DISPATCH"},
		unix.SIGIO:   {"POLL_IN", "POLL_OUT", "POLL_MSG", "POLL_ERR", "POLL_PRI", "POLL_HUP"},
	}
	faults = []unix.Signal{unix.SIGSEGV, unix.SIGBUS, unix.SIGILL, unix.SIGFPE}

	ignoredByDefault = []unix.Signal{unix.SIGCHLD, unix.SIGURG, unix.SIGWINCH}
	stopByDefault    = []unix.Signal{unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU}
	coreByDefault    = []unix.Signal{
		unix.SIGQUIT, unix.SIGILL, unix.SIGTRAP, unix.SIGABRT, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV, unix.SIGXCPU, unix.SIGXFSZ, unix.SIGSYS,
	}
)

// sent makes an event of a signal that was sent.
func (n *names) sent(s *bpf.Signal) *trace.Event {
	e := n.about(s)
	n.origin(e, s)
	switch s.Result {
	case bpf.SignalIgnored:
		e.Fate = trace.FateIgnored
		if e.Effect == trace.EffectContinues {
			e.Fate = trace.FateDelivered // it continues at once: nothing is delivered
		} else {
			e.Effect = trace.EffectNone
		}
	case bpf.SignalWaits:
		e.Fate = trace.FateMerged
	case bpf.SignalNoRoom:
		e.Fate, e.Effect = trace.FateLost, trace.EffectNone
	default:
		e.Fate = trace.FateUnknown
	}
	return e
}

// taken is the delivery of a signal to a process. If the signal was sent before the trace
// began, only its siginfo is known.
func (n *names) taken(s *bpf.Signal) *trace.Taken {
	t := &trace.Taken{Time: s.Time, Target: n.party(&s.To), Number: model.SignalName(s.Number), Effect: effect(s)}
	t.Ends = unix.Signal(s.Number) == unix.SIGKILL
	t.Explain = func() *trace.Event {
		e := n.about(s)
		e.Event, e.Fate = trace.TakenEvent, trace.FateDelivered
		e.Cause, e.Thread = trace.CauseKernel, 0
		if s.NoInfo || s.Kernel {
			return e
		}
		n.byCode(e, s)
		if isTimers(s) {
			e.Cause = trace.CauseTimer
		}
		e.Sender = nil
		if pid := int(int32(s.Info[0])); (s.Code == siUser || s.Code == siQueue || s.Code == siTkill) && pid != 0 && s.To.InnerPID == s.To.PID {
			e.Sender = n.byPID(pid)
		}
		return e
	}
	return t
}

// about makes the part of an event that does not depend on the signal's origin.
func (n *names) about(s *bpf.Signal) *trace.Event {
	e := &trace.Event{Type: "event", Time: s.Time, Event: trace.SignalEvent, Target: n.party(&s.To)}
	e.Signal = &trace.Signal{
		Name: model.SignalName(s.Number), Code: codeName(s), Effect: effect(s), IsBlocked: s.Blocked, Awaited: s.Awaited,
	}
	if !s.Group && s.Threads > 1 {
		e.Thread = s.To.TID
	}
	return e
}

func codeName(s *bpf.Signal) string {
	if name, ok := codeNames[s.Code]; ok {
		return name
	}
	if list := codesOf[unix.Signal(s.Number)]; s.Code >= 1 && s.Code <= len(list) {
		return list[s.Code-1]
	}
	return strconv.Itoa(s.Code)
}

// effect is what the signal does to its target when it is delivered.
func effect(s *bpf.Signal) string {
	number := unix.Signal(s.Number)
	switch {
	case number == unix.SIGKILL:
		return trace.EffectEnds
	case number == unix.SIGSTOP:
		return trace.EffectStops
	case number == unix.SIGCONT && s.Action != bpf.ActionHandler:
		return trace.EffectContinues // ignored or not
	case s.Action == bpf.ActionHandler:
		return trace.EffectHandler
	case s.Action == bpf.ActionIgnore, slices.Contains(ignoredByDefault, number):
		return trace.EffectNone
	case slices.Contains(stopByDefault, number):
		return trace.EffectStops
	case slices.Contains(coreByDefault, number):
		return trace.EffectCore
	}
	return trace.EffectEnds
}

// origin says who sent a signal and why.
func (n *names) origin(e *trace.Event, s *bpf.Signal) {
	switch {
	case s.NoInfo:
		n.becauseOf(e, s)
	case s.Kernel:
		n.byKernel(e, s)
	default:
		n.byCode(e, s)
	}
}

// byCode sets cause and sender by siginfo's code.
func (n *names) byCode(e *trace.Event, s *bpf.Signal) {
	number := unix.Signal(s.Number)
	value := func() { e.Value = valueOf(s.Info[1]) }
	switch s.Code {
	case siUser:
		e.Cause, e.Sender = trace.CauseKill, n.party(&s.From)
		return
	case siTkill:
		e.Cause, e.Sender = trace.CauseThread, n.party(&s.From)
		return
	case siQueue:
		e.Cause, e.Sender = trace.CauseQueue, n.party(&s.From)
		value()
		return
	case siTimer:
		e.Cause = trace.CauseTimer
		value()
		return
	case siMesgq:
		e.Cause, e.Sender = trace.CauseQueueNotify, n.party(&s.From)
		value()
		return
	case siSigIO, siAsync:
		e.Cause = trace.CauseIO
		return
	}
	switch {
	case number == unix.SIGCHLD:
		e.Cause, e.Sender = trace.CauseChild, n.party(&s.From)
		// A process that ends also sends SIGCHLD to its children's new parent for those
		// children that have ended.
		if pid := int(int32(s.Info[0])); s.To.InnerPID == s.To.PID && pid != s.From.PID && pid != 0 {
			e.Sender = n.byPID(pid)
		}
		e.Status = model.Some(int(int32(s.Info[1])))
	case slices.Contains(faults, number):
		e.Cause = trace.CauseFault
		if s.Code != siKernel {
			e.Address = fmt.Sprintf("0x%x", s.Info[0])
		}
	case number == unix.SIGSYS:
		e.Cause = trace.CauseSeccomp
	case number == unix.SIGTRAP:
		e.Cause = trace.CauseTrace
	case s.Code >= 1 && s.Code <= len(codesOf[unix.SIGIO]): // also of a real-time signal (F_SETSIG)
		e.Cause = trace.CauseIO
	default:
		e.Cause = trace.CauseKernel
	}
}

// valueOf writes a union sigval: as a number if the value fits into sival_int, otherwise as a pointer.
func valueOf(v uint64) string {
	if n := int64(v); v>>32 == 0 || n == int64(int32(n)) {
		return strconv.Itoa(int(int32(v)))
	}
	return fmt.Sprintf("0x%x", v)
}

// becauseOf explains a signal that the kernel sends because of what the running thread does.
func (n *names) becauseOf(e *trace.Event, s *bpf.Signal) {
	same := s.From.PID == s.To.PID && s.From.TID == s.To.TID
	switch number := unix.Signal(s.Number); {
	case number == unix.SIGPIPE && same:
		e.Cause, e.Object, e.Code = trace.CauseBrokenPipe, objectOf(&s.File), codeNames[siKernel]
	case (number == unix.SIGXFSZ || number == unix.SIGXCPU) && same:
		e.Cause = trace.CauseLimit
	case s.Death == s.Number && s.From.Exiting:
		e.Cause, e.Sender = trace.CauseParentDeath, n.party(&s.From)
	case number == unix.SIGHUP || number == unix.SIGCONT:
		n.hangup(e, s)
	case number == unix.SIGTRAP && same:
		e.Cause = trace.CauseTrace
	default: // cgroup.kill, and old kernel code
		e.Cause = trace.CauseKernel
		if !same && !s.From.Kernel {
			e.Sender = n.party(&s.From)
		}
	}
}

// byKernel explains a signal that the kernel sends for reasons of its own. For some of
// these the running thread matters.
func (n *names) byKernel(e *trace.Event, s *bpf.Signal) {
	if isTimers(s) {
		e.Cause = trace.CauseTimer
		return
	}
	switch unix.Signal(s.Number) {
	case unix.SIGXCPU:
		e.Cause = trace.CauseLimit
	case unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGWINCH:
		e.Cause, e.TTY = trace.CauseTerminal, proc.TTYName(s.TTY)
		if !s.From.Kernel { // a key press comes through a kernel thread
			e.Sender = n.party(&s.From)
		}
	case unix.SIGHUP, unix.SIGCONT:
		n.hangup(e, s)
	case unix.SIGIO, unix.SIGURG:
		e.Cause = trace.CauseIO
	case unix.SIGSEGV, unix.SIGBUS, unix.SIGILL, unix.SIGFPE:
		e.Cause = trace.CauseFault
	case unix.SIGTRAP:
		e.Cause = trace.CauseTrace
	default:
		e.Cause = trace.CauseKernel
		if unix.Signal(s.Number) != unix.SIGKILL {
			return
		}
		if s.From.Exiting && s.From.InnerPID == 1 {
			e.Cause, e.Sender = trace.CauseNamespace, n.party(&s.From)
		} else {
			e.Running = n.party(&s.From) // the process that needed memory, if the OOM killer sent it
		}
	}
}

// isTimers reports whether the kernel sent a signal because a timer of setitimer(2) expired.
func isTimers(s *bpf.Signal) bool {
	switch unix.Signal(s.Number) {
	case unix.SIGALRM, unix.SIGVTALRM, unix.SIGPROF:
		return s.Kernel || s.Code == siKernel
	}
	return false
}

// hangup explains a signal that the end of a terminal session causes.
func (n *names) hangup(e *trace.Event, s *bpf.Signal) {
	e.Cause, e.TTY = trace.CauseHangup, proc.TTYName(s.TTY)
	if !s.From.Kernel {
		e.Sender = n.party(&s.From)
	}
}

// byPID names a process of which only the pid is known.
func (n *names) byPID(pid int) *trace.Party {
	if k := n.known[pid]; k != nil {
		return &trace.Party{PID: pid, StartTicks: k.start, Comm: k.comm, Label: k.label, Container: k.container}
	}
	return &trace.Party{PID: pid}
}
