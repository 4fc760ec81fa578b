package trace

import (
	"time"

	"github.com/ipctop/ipctop/model"
)

// The kinds of event.
const (
	SignalEvent  = "signal"  // a process or the kernel sent a signal
	TakenEvent   = "taken"   // a signal that had waited was delivered
	BlockedEvent = "blocked" // somebody woke a thread that had slept for long
	ExitEvent    = "exit"    // a process ended
)

// Kinds are the kinds of event by name, in the order in which help lists them.
var Kinds = []string{SignalEvent, BlockedEvent, ExitEvent}

// Event is something that happened.
type Event struct {
	Type  string    `json:"type"` // "event"
	Time  time.Time `json:"time"`
	Event string    `json:"event"` // its kind

	Sender *Party `json:"sender,omitempty"` // who did it; of a signal missing where the kernel did
	Target *Party `json:"target,omitempty"` // to whom
	Object string `json:"object,omitempty"` // the id of the object it has to do with, where that can be told

	*Signal  `json:",omitempty"`
	*Blocked `json:",omitempty"`
	*Exit    `json:",omitempty"`
}

// Blocked is what an event tells of a wait that has ended. Its target waited, and its sender
// woke it.
type Blocked struct {
	Call    string        `json:"call"` // system call; "" where it is none in which threads are known to block
	For     time.Duration `json:"blocked_for_ns"`
	WokenBy string        `json:"woken_by"` // one of WokenBy…
}

// Who ended a wait.
const (
	WokenByProcess = "process"
	WokenByTimer   = "timer"   // its time was over
	WokenByDevice  = "device"  // an interrupt
	WokenByPackets = "packets" // that came while the sender ran, from it or from another host
)

// Idle reports whether the wait was none for others: a sleep, a time limit that ran out, or
// a thread that another of its process woke.
func (e *Event) Idle() bool {
	if e.Blocked == nil {
		return false
	}
	own := e.Sender != nil && e.Sender.PID == e.Target.PID && e.Sender.StartTicks == e.Target.StartTicks
	return e.WokenBy == WokenByTimer || own || e.Call == "nanosleep" || e.Call == "clock_nanosleep"
}

// TID is the thread that waited, 0 if it is the main thread.
func (e *Event) TID() int {
	if e.Target.TID == e.Target.PID {
		return 0
	}
	return e.Target.TID
}

// Exit is what an event tells of a process that ended.
type Exit struct {
	Result model.Opt[int] `json:"exit_status,omitzero"` // missing if a signal ended it
	Killed string         `json:"ended_by,omitempty"`   // the signal that ended it
	Core   bool           `json:"core_dumped,omitempty"`
	Age    time.Duration  `json:"lived_for_ns"`
}

// Signal is what an event tells of a signal.
type Signal struct {
	Name    string         `json:"signal"`
	Code    string         `json:"code"`               // si_code of sigaction(2): SI_USER, SI_QUEUE, CLD_EXITED …
	Cause   string         `json:"cause"`              // for programs: one of Cause…
	Reason  string         `json:"reason"`             // for people
	Value   string         `json:"value,omitempty"`    // of sigqueue(3), a timer or a message queue: a number, or an address
	Status  model.Opt[int] `json:"status,omitzero"`    // SIGCHLD: exit status, or the signal that ended or stopped the child
	Address string         `json:"address,omitempty"`  // of a fault
	TTY     string         `json:"tty,omitempty"`      // the terminal that it comes from
	Thread  int            `json:"thread,omitempty"`   // it was sent to this thread alone
	Fate    string         `json:"fate"`               // one of Fate…
	Effect  string         `json:"effect"`             // what it does to the target: one of Effect…
	After   time.Duration  `json:"after_ns,omitempty"` // how long it waited until it was delivered

	IsBlocked, Awaited bool   `json:"-"` // as it was when it was sent
	Running            *Party `json:"-"` // who ran when the kernel sent it
}

// What becomes of a signal.
const (
	FateDelivered = "delivered"
	FateIgnored   = "ignored"
	FateBlocked   = "blocked" // it waits until the target unblocks it
	FateAwaited   = "awaited" // it is blocked, and somebody waits for it: sigwait(3), signalfd(2)
	FatePending   = "pending" // the target has not come to it yet: it is stopped, or cannot be interrupted
	FateMerged    = "merged"  // one of the same number waited already, and the target gets one
	FateLost      = "lost"    // too many signals wait for its user
	FateUnknown   = "unknown"
)

// What a signal does to its target.
const (
	EffectNone      = "none"
	EffectHandler   = "handler" // the target's own function runs
	EffectEnds      = "ends"
	EffectCore      = "core" // it ends, and leaves a core file where that is allowed
	EffectStops     = "stops"
	EffectContinues = "continues"
)

// Why a signal was sent.
const (
	CauseKill        = "kill"     // kill(2)
	CauseQueue       = "sigqueue" // rt_sigqueueinfo(2)
	CauseThread      = "tgkill"   // tgkill(2): raise(3), pthread_kill(3)
	CauseChild       = "child"
	CauseTimer       = "timer"
	CauseTerminal    = "terminal" // a key, a change of its size, or a background process that uses it
	CauseHangup      = "hangup"
	CauseBrokenPipe  = "broken-pipe"
	CauseOOM         = "oom-killer"
	CauseParentDeath = "parent-death" // PR_SET_PDEATHSIG
	CauseFault       = "fault"
	CauseSeccomp     = "seccomp"
	CauseLimit       = "limit"
	CauseQueueNotify = "message-queue" // mq_notify(3)
	CauseIO          = "io"            // F_SETOWN, F_SETLEASE, F_NOTIFY of fcntl(2)
	CauseTrace       = "ptrace"
	CauseNamespace   = "pid-namespace" // its first process ended
	CauseKernel      = "kernel"        // for another reason
)

// Party is a process that takes part in an event.
type Party struct {
	PID        int              `json:"pid"` // 0: it is outside of ipctop's pid namespace
	TID        int              `json:"tid,omitempty"`
	StartTicks uint64           `json:"start_ticks"`
	Comm       string           `json:"comm"`
	Label      string           `json:"label"`
	UID        int              `json:"uid"`
	User       string           `json:"user,omitempty"`
	Container  *model.Container `json:"container,omitempty"`
	InnerPID   int              `json:"inner_pid,omitempty"` // in its own pid namespace, where that is another
}

// Name is the process's display name.
func (p *Party) Name() string {
	if p.Label != "" {
		return p.Label
	}
	return p.Comm
}
