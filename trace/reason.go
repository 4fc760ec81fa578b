package trace

import (
	"fmt"

	"github.com/ipctop/ipctop/model"
)

// Explain sets the reason of a signal, for people. name is how a process is named.
func (e *Event) Explain(name func(*Party) string) {
	if e.Signal != nil {
		e.Reason = e.reason(name)
	}
}

func (e *Event) reason(name func(*Party) string) string {
	switch e.Cause {
	case CauseKill:
		return "by kill"
	case CauseQueue:
		return "by sigqueue, value " + e.Value
	case CauseThread:
		if e.Sender != nil && e.Sender.PID == e.Target.PID {
			return "to a thread of its own"
		}
		return "to a thread"
	case CauseChild:
		return e.child()
	case CauseTimer:
		return "a timer expired"
	case CauseTerminal:
		return e.terminal()
	case CauseHangup:
		if e.TTY != "" {
			return e.TTY + " hung up"
		}
		return "its terminal hung up, or its session or process group was orphaned"
	case CauseBrokenPipe:
		if e.Object != "" {
			return "it wrote to " + e.Object + ", which nobody reads"
		}
		return "it wrote to a pipe or socket without a reader"
	case CauseOOM:
		if e.Running != nil && e.Running.PID != e.Target.PID {
			return "out of memory when " + name(e.Running) + " wanted more"
		}
		return "out of memory"
	case CauseParentDeath:
		return "its parent ended, and it had asked for this signal (PR_SET_PDEATHSIG)"
	case CauseFault:
		if e.Address != "" {
			return "it accessed address " + e.Address
		}
		return "its program caused a processor exception"
	case CauseSeccomp:
		return "it made a system call that a seccomp filter refused"
	case CauseLimit:
		return "over a limit (getrlimit(2))"
	case CauseQueueNotify:
		return "a message arrived in an empty queue"
	case CauseIO:
		return "something happened at a descriptor (fcntl(2), F_SETOWN)"
	case CauseTrace:
		return "for a debugger"
	case CauseNamespace:
		return "the first process of its pid namespace ended"
	}
	if e.Sender != nil {
		return "the kernel, triggered by it (such as cgroup.kill)"
	}
	return "by the kernel"
}

func (e *Event) child() string {
	status, known := e.Status.Get()
	ended := "its child ended"
	switch {
	case e.Code == "CLD_EXITED" && known:
		return fmt.Sprintf("%s with status %d", ended, status)
	case e.Code == "CLD_KILLED" && known:
		return ended + " by " + model.SignalName(status)
	case e.Code == "CLD_DUMPED" && known:
		return ended + " by " + model.SignalName(status) + " with a core file"
	case e.Code == "CLD_STOPPED" && known:
		return "its child was stopped by " + model.SignalName(status)
	case e.Code == "CLD_CONTINUED":
		return "its child continued"
	case e.Code == "CLD_TRAPPED":
		return "its child stopped for a debugger"
	}
	return "its child changed state"
}

func (e *Event) terminal() string {
	tty := e.TTY
	if tty == "" {
		tty = "its terminal"
	}
	switch e.Name {
	case "SIGINT":
		return "a key at " + tty + " (Ctrl-C)"
	case "SIGQUIT":
		return "a key at " + tty + " (Ctrl-\\)"
	case "SIGTSTP":
		return "a key at " + tty + " (Ctrl-Z)"
	case "SIGWINCH":
		return tty + " has another size"
	case "SIGTTIN":
		return "it reads from " + tty + " in the background"
	case "SIGTTOU":
		return "it writes to " + tty + " in the background"
	}
	return tty
}

// OutcomeText says what became of a signal, in words for people.
func (s *Signal) OutcomeText() string {
	switch s.Fate {
	case FateIgnored:
		return "ignored"
	case FateBlocked:
		return "blocked, stays pending"
	case FateAwaited:
		return "awaited (sigwait)"
	case FatePending:
		return "not delivered yet"
	case FateMerged:
		return "already pending"
	case FateLost:
		return "lost, too many pending"
	}
	switch s.Effect {
	case EffectEnds:
		return "ends it"
	case EffectCore:
		return "ends it, core dumped where allowed"
	case EffectStops:
		return "stops it"
	case EffectContinues:
		return "continues it if it was stopped"
	case EffectHandler:
		return "its handler runs"
	}
	return "ignored"
}
