package trace

import (
	"time"

	"github.com/ipctop/ipctop/model"
)

// The kinds of event.
const (
	SignalEvent  = "signal"    // a process or the kernel sent a signal
	TakenEvent   = "taken"     // a signal that had been waiting was delivered
	BlockedEvent = "blocked"   // a thread that had slept for long was woken
	ExitEvent    = "exit"      // a process ended
	ConnectEvent = "connect"   // a process connected a socket, or tried to
	AcceptEvent  = "accept"    // a process accepted a connection, or tried to
	PassedEvent  = "fd-passed" // descriptors went from one process to another
	LockEvent    = "lock"      // a lock on a file was requested or released
	CreatedEvent = "created"   // an object was created or got a name
	RemovedEvent = "removed"   // an object or its name was removed
)

// Kinds are the kinds of event by name, in the order in which help lists them.
var Kinds = []string{SignalEvent, BlockedEvent, ExitEvent, ConnectEvent, AcceptEvent, PassedEvent, LockEvent, CreatedEvent, RemovedEvent}

// Event is something that happened. Its JSON is described by
// docs/schema/ipctop-trace-1.schema.json.
type Event struct {
	Type  string    `json:"type" oneof:"event" doc:"what the line is"`
	Time  time.Time `json:"time" doc:"when it happened"`
	Event string    `json:"event" oneof:"signal taken blocked exit connect accept fd-passed lock created removed" doc:"what happened"`

	Sender *Party `json:"sender,omitzero" doc:"the sender; missing for a signal from the kernel; of blocked the process that woke the target"`
	Target *Party `json:"target,omitzero" doc:"the target, if known; of blocked the thread that waited, of exit the process that ended"`
	Object string `json:"object,omitzero" doc:"the id of the object it has to do with, where that can be told"`
	Path   string `json:"path,omitzero" doc:"its name: the path of a file or socket as the program gave it, @name of an abstract socket"`
	Error  string `json:"error,omitzero" doc:"the error by name, where it failed"`

	*Signal
	*Blocked
	*Exit
	*Connection
	*Passed
	*Lock
	*Existence

	pending bool // not reported yet: the event it is joined with may still come
	dropped bool // must not be reported
}

// Blocked describes a wait that has ended. The event's target waited, and its sender woke it.
type Blocked struct {
	Call    string        `json:"call" doc:"the system call; missing if it is not one that ipctop knows to block"`
	For     time.Duration `json:"blocked_for_ns" unit:"ns" doc:"how long the thread slept"`
	WokenBy string        `json:"woken_by" oneof:"process timer device packets" doc:"who ended the wait"`
}

// Who ended a wait.
const (
	WokenByProcess = "process"
	WokenByTimer   = "timer"   // its timeout expired
	WokenByDevice  = "device"  // an interrupt
	WokenByPackets = "packets" // packets that arrived while the sender ran, from the sender or from another host
)

// Minor reports whether an event is left out unless it is asked for. These are waits in which
// no other process is involved (a sleep, an expired time limit, a wakeup by another thread of
// the same process), and descriptors that another ipctop took for a moment to examine them.
func (e *Event) Minor() bool {
	if e.Passed != nil && e.How == PassedTaken {
		return e.Sender != nil && (e.Sender.Comm == "ipctop-helper" || e.Sender.Comm == "ipctop")
	}
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

// Exit describes a process that ended.
type Exit struct {
	Result model.Opt[int] `json:"exit_status" doc:"the exit status; missing if a signal ended it"`
	Killed string         `json:"ended_by" doc:"the signal that ended it"`
	Core   bool           `json:"core_dumped" doc:"it left a core file"`
	Age    time.Duration  `json:"lived_for_ns" unit:"ns" doc:"how long it lived"`

	Left  []File `json:"left" doc:"objects that it created and that still exist, as far as known: the id, and the path or key"`
	Locks []File `json:"locks_ended" doc:"files on which a lock was released when it ended, as far as known, with their paths"`

	Robust []File `json:"robust_locks" doc:"ids of robust locks that it held when it ended: the next process that takes one gets EOWNERDEAD"`
}

// Signal describes a signal.
type Signal struct {
	Name    string         `json:"signal" doc:"the signal"`
	Code    string         `json:"code" doc:"si_code of sigaction(2) by name, such as SI_USER or CLD_EXITED"`
	Cause   string         `json:"cause" doc:"why it was sent, for programs"` // one of the Cause constants
	Reason  string         `json:"reason" doc:"the same for people"`
	Value   string         `json:"value" doc:"of sigqueue(3), a timer or mq_notify(3): a number, or an address"`
	Status  model.Opt[int] `json:"status" doc:"of SIGCHLD: the exit status, or the number of the signal"`
	Address string         `json:"address" doc:"of a fault: the address in hexadecimal"`
	TTY     string         `json:"tty" doc:"the terminal that it comes from"`
	Thread  int            `json:"thread" doc:"the thread that it was sent to, if it was not sent to the whole process"`
	Fate    string         `json:"fate" oneof:"delivered ignored blocked awaited pending merged lost unknown" doc:"what happened to it"`
	Effect  string         `json:"effect" oneof:"none handler ends core stops continues" doc:"its effect on the target"`
	After   time.Duration  `json:"after_ns" unit:"ns" doc:"how long it waited until it was delivered"`

	IsBlocked, Awaited bool   `json:"-"` // the state when it was sent
	Running            *Party `json:"-"` // the running thread when the kernel sent it
}

// What becomes of a signal.
const (
	FateDelivered = "delivered"
	FateIgnored   = "ignored"
	FateBlocked   = "blocked" // it waits until the target unblocks it
	FateAwaited   = "awaited" // it is blocked, and a thread waits for it: sigwait(3), signalfd(2)
	FatePending   = "pending" // the target has not handled it yet: it is stopped, or cannot be interrupted
	FateMerged    = "merged"  // one with the same number was pending already, and the target gets only one
	FateLost      = "lost"    // too many signals are queued for its user
	FateUnknown   = "unknown"
)

// What a signal does to its target.
const (
	EffectNone      = "none"
	EffectHandler   = "handler" // the target's handler runs
	EffectEnds      = "ends"
	EffectCore      = "core" // it ends, and writes a core file where that is allowed
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
	CauseTerminal    = "terminal" // a key was pressed, the size changed, or a background process used the terminal
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
	CauseNamespace   = "pid-namespace" // the first process of its pid namespace ended
	CauseKernel      = "kernel"        // for another reason
)

// Party is a process that takes part in an event.
type Party struct {
	PID        int              `json:"pid" doc:"process id; 0: it is outside of ipctop's pid namespace"`
	TID        int              `json:"tid,omitzero" doc:"the thread"`
	StartTicks uint64           `json:"start_ticks,omitzero" doc:"when it started, in clock ticks since boot: with the pid, which process it is"`
	Comm       string           `json:"comm" doc:"command name"`
	Label      string           `json:"label" doc:"display name"`
	UID        model.Opt[int]   `json:"uid,omitzero" doc:"effective user id"`
	User       string           `json:"user,omitzero" doc:"that user's name"`
	Container  *model.Container `json:"container,omitzero" doc:"the container it is in"`
	InnerPID   int              `json:"inner_pid,omitzero" doc:"its pid in its own pid namespace, if different"`
}

// Name is the process's display name.
func (p *Party) Name() string {
	if p.Label != "" {
		return p.Label
	}
	return p.Comm
}
