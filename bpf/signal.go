package bpf

import "time"

// Signal is the event that a signal was sent or taken: delivered to a handler, or
// given its other effect on the process.
type Signal struct {
	Time    time.Time
	Taken   bool
	Victim  bool // not a signal: From has just sent SIGKILL to a victim of the OOM killer
	Number  int
	From    Party // the thread that ran when it was sent; not set if taken
	To      Party
	Code    int // si_code of sigaction(2); 0x80 (SI_KERNEL) if the kernel sends it of itself
	Result  SignalResult
	Group   bool // it was sent to the process, not to one thread
	Blocked bool // the thread, or for a process its main thread, blocks it
	Awaited bool // that thread waits for it in sigtimedwait(2)
	NoInfo  bool // the kernel sends it because of something that From does
	Kernel  bool // the kernel sends it for reasons of its own: From may have nothing to do with it
	Action  SignalAction
	TTY     int       // controlling terminal of the target, as in proc_pid_stat(5); 0: none
	OwnTTY  bool      // TTY is instead the terminal that the target has as one of its first descriptors
	Death   int       // the signal that the target asked for when its parent ends (PR_SET_PDEATHSIG)
	Threads int       // of the target
	Info    [4]uint64 // the fields of siginfo after si_code, as in memory
	Call    int64     // system call that From is in; -1: none
	Call32  bool      // Call is a number of 32-bit programs
	Args    [3]uint64
	File    Behind // for SIGPIPE: what was written to
}

// SignalResult is what happened to a signal when it was sent.
type SignalResult int

// The results of include/trace/events/signal.h.
const (
	SignalQueued     SignalResult = iota
	SignalIgnored                 // discarded: it would have no effect
	SignalWaits                   // the same signal is pending already
	SignalNoRoom                  // too many are pending (RLIMIT_SIGPENDING)
	SignalInfoNoRoom              // queued, without its siginfo
)

// SignalAction is the disposition that the target has set (sigaction(2)).
type SignalAction int

// The actions.
const (
	ActionUnknown SignalAction = iota // the process has ended
	ActionDefault
	ActionIgnore
	ActionHandler
)

const (
	signalSize = 240

	// kind
	signalSent  = 1
	signalTaken = 2
	oomVictim   = 3

	// flags
	sigGroup        = 1 << 0
	sigBlocked      = 1 << 1
	sigAwaited      = 1 << 2
	sigNoInfo       = 1 << 3
	sigPrivileged   = 1 << 4
	sigDefault      = 1 << 5
	sigIgnore       = 1 << 6
	sigCaught       = 1 << 7
	sigTerminalFile = 1 << 8
)

func (t *Tracer) parseSignal(record []byte) *Signal {
	f := fields{record}
	s := &Signal{Time: t.clock(f.u64())}
	kind := f.u32()
	s.Taken, s.Victim = kind == signalTaken, kind == oomVictim
	s.Number = f.int()
	s.From, s.To = f.party(), f.party()
	s.Code, s.Result = f.int(), SignalResult(f.int())
	flags := f.u32()
	has := func(flag uint32) bool { return flags&flag != 0 }
	s.Group, s.Blocked, s.Awaited, s.NoInfo = has(sigGroup), has(sigBlocked), has(sigAwaited), has(sigNoInfo)
	s.Kernel, s.OwnTTY = has(sigPrivileged), has(sigTerminalFile)
	switch {
	case has(sigDefault):
		s.Action = ActionDefault
	case has(sigIgnore):
		s.Action = ActionIgnore
	case has(sigCaught):
		s.Action = ActionHandler
	}
	s.TTY, s.Death, s.Threads = f.int(), f.int(), f.int()
	for i := range s.Info {
		s.Info[i] = f.u64()
	}
	s.Call, s.Call32 = call(f.u64())
	for i := range s.Args {
		s.Args[i] = f.u64()
	}
	s.File = f.behind()
	return s
}
