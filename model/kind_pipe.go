package model

// PipeDetail is the detail of pipes and FIFOs (pipe(7), fifo(7)).
type PipeDetail struct {
	Queued   Opt[int64] `json:"queued,omitzero" unit:"bytes" doc:"bytes written and not yet read (FIONREAD)"`
	Capacity Opt[int64] `json:"capacity,omitzero" unit:"bytes" doc:"size of the buffer (F_GETPIPE_SZ)"`
	Readers  Opt[int64] `json:"readers,omitzero" doc:"open read ends as the kernel counts them; only where eBPF can look"`
	Writers  Opt[int64] `json:"writers,omitzero" doc:"open write ends as the kernel counts them; only where eBPF can look"`
}

// DetailKind implements [Detail].
func (*PipeDetail) DetailKind() Kind { return Pipe }

func newPipeDetail() Detail { return new(PipeDetail) }

var pipeInfo = KindInfo{
	Name:        Pipe,
	Title:       "anonymous pipe",
	Category:    "channel",
	Data:        "stream",
	Direction:   "one way",
	Persistence: "process",
	Buffered:    true,
	Related:     true,
	Calls:       []string{"pipe", "pipe2", "popen", "read", "write", "splice"},
	Man:         []string{"pipe(7)", "pipe(2)"},
	About: "A byte stream between processes that inherited or were handed its ends, as in a shell pipeline. " +
		"A reader blocks while it is empty and some process holds a write end; a writer blocks while it is full.",
	Source: "the links /proc/PID/fd/N, and FIONREAD and F_GETPIPE_SZ on a duplicate that lives for microseconds",
	Privilege: "ends of other users' processes need CAP_SYS_PTRACE with CAP_DAC_READ_SEARCH; bytes queued need the right to attach to a holder " +
		"(ptrace(2), pidfd_getfd(2))",
	Unseen:    "what is in it; who wrote what; the kernel's own counts of ends (eBPF only)",
	NewDetail: newPipeDetail,
}

var fifoInfo = KindInfo{
	Name:        FIFO,
	Title:       "named pipe",
	Category:    "channel",
	Data:        "stream",
	Direction:   "one way",
	Persistence: "process",
	Buffered:    true,
	Calls:       []string{"mkfifo", "mknod", "open", "read", "write"},
	Man:         []string{"fifo(7)", "mkfifo(3)"},
	About: "A pipe with a name in the file system, for processes that are not related. The name stays until it is " +
		"unlinked; the data lives only while some process has it open. Opening one end blocks until the other is opened.",
	Source:    "the links /proc/PID/fd/N and the file they lead to (statx, never through a foreign file system)",
	Privilege: "as for a pipe",
	Unseen:    "a FIFO that nobody has open",
	NewDetail: newPipeDetail,
}
