package model

import (
	"slices"
	"time"
)

// Process is one process (thread group). Its identity is (PID, StartTicks): pids are
// reused.
type Process struct {
	Host       string    `json:"host,omitzero" doc:"its host, where there are several"`
	PID        int       `json:"pid" ref:"pid" doc:"process id, as seen by ipctop; where there are several hosts, raised by the host's pid_base"`
	StartTicks uint64    `json:"start_ticks" unit:"clock ticks" doc:"start time after boot; with pid, the process's identity"`
	StartTime  time.Time `json:"start_time,omitzero" doc:"when it started, by the wall clock"`
	NSPIDs     []int     `json:"ns_pids,omitzero" doc:"its pids in nested pid namespaces, outermost first"`
	PPID       int       `json:"ppid" ref:"pid" doc:"parent process id; 0: the kernel or outside this pid namespace"`
	PGID       int       `json:"pgid" ref:"pid" doc:"process group"`
	SID        int       `json:"sid" ref:"pid" doc:"session"`
	TTY        string    `json:"tty,omitzero" doc:"controlling terminal"`
	Comm       string    `json:"comm" doc:"command name, at most 15 bytes (proc_pid_comm(5))"`
	Label      string    `json:"label" ref:"name" doc:"display name: the command; of an interpreter the script, of a program with a title what that begins with; where there are several hosts, name@host"`
	Cmdline    []string  `json:"cmdline,omitzero" doc:"arguments; missing for kernel threads and zombies"`
	Exe        string    `json:"exe,omitzero" doc:"path of the program file"`
	UID        Opt[int]  `json:"uid,omitzero" doc:"effective user id"`
	User       string    `json:"user,omitzero" doc:"effective user's name"`
	State      string    `json:"state" doc:"R running, S sleeping, D uninterruptible, T stopped, t traced, Z zombie, X dead, I idle kernel thread"`
	StopSignal string    `json:"stop_signal,omitzero" doc:"of a stopped process: the signal that stopped it; missing where the kernel does not say"`
	Kernel     bool      `json:"kernel_thread,omitzero" doc:"a kernel thread"`
	Tracer     int       `json:"tracer,omitzero" ref:"pid" doc:"pid of the process that traces it"`
	Frozen     bool      `json:"frozen,omitzero" doc:"its cgroup is frozen"`
	CoreDump   bool      `json:"core_dumping,omitzero" doc:"the kernel is writing its core file"`
	Runtime    string    `json:"runtime,omitzero" doc:"the language runtime, if recognised: go, jvm or node; only for processes with several threads"`
	Self       bool      `json:"self,omitzero" doc:"this is ipctop itself"`
	Threads    int       `json:"threads" doc:"number of threads"`
	FDs        Opt[int]  `json:"fds,omitzero" doc:"number of open descriptors"`

	Namespaces map[string]uint64 `json:"namespaces,omitzero" ref:"ns" doc:"inode numbers of its namespaces, by type"`
	Cgroup     string            `json:"cgroup,omitzero" doc:"control group path"`
	Unit       string            `json:"unit,omitzero" doc:"systemd unit, from the control group"`
	Container  *Container        `json:"container,omitzero" doc:"container, from the control group"`

	Signals    *Signals `json:"signals,omitzero" doc:"signal masks of the main thread and pending signals"`
	Timers     Opt[int] `json:"timers,omitzero" doc:"POSIX timers that it created (timer_create); read only if one of its threads may be stuck"`
	ThreadList []Thread `json:"thread_list,omitzero" doc:"its threads, where there are several"`
}

// The values of [Process.Runtime].
const (
	RuntimeGo   = "go"
	RuntimeJVM  = "jvm"
	RuntimeNode = "node"
)

// Container is what is known about a container without asking its runtime.
type Container struct {
	ID           string `json:"id" doc:"container id, as the runtime writes it into the control group"`
	Name         string `json:"name,omitzero" doc:"container name, where its runtime's files could be read"`
	Pod          string `json:"pod,omitzero" doc:"name of its Kubernetes pod, likewise"`
	PodNamespace string `json:"pod_namespace,omitzero" doc:"Kubernetes namespace of the pod"`
}

// Signals are the decoded masks of proc_pid_status(5). A list that is nil (and missing
// in JSON) is unknown; one without elements is an empty mask. A [Thread] has only
// Pending and Blocked: the other masks belong to the whole process. The lists are shared
// and must not be changed.
type Signals struct {
	Pending       []string   `json:"pending,omitzero" doc:"sent to this thread and not delivered (SigPnd)"`
	SharedPending []string   `json:"shared_pending,omitzero" doc:"sent to the process and not delivered (ShdPnd)"`
	Blocked       []string   `json:"blocked,omitzero" doc:"not delivered while blocked (SigBlk)"`
	Ignored       []string   `json:"ignored,omitzero" doc:"discarded (SigIgn)"`
	Caught        []string   `json:"caught,omitzero" doc:"handled by a function (SigCgt)"`
	Queued        Opt[int64] `json:"queued,omitzero" doc:"signals queued for this real user (SigQ)"`
	QueueLimit    Opt[int64] `json:"queue_limit,omitzero" doc:"RLIMIT_SIGPENDING (SigQ)"`
}

// AllThreads lists the threads of a process. It also works for a process with a single
// thread, whose ThreadList is empty.
func (p *Process) AllThreads() []Thread {
	if len(p.ThreadList) > 0 {
		return p.ThreadList
	}
	return []Thread{{TID: p.PID, Comm: p.Comm, State: p.State}}
}

// FirstOfNamespace reports whether a process is the first one of a descendant pid
// namespace. Signals from an ancestor namespace for which it has no handler have no effect
// on it, except SIGKILL and SIGSTOP; and all other processes of the namespace end with it
// (pid_namespaces(7)).
func (p *Process) FirstOfNamespace() bool {
	n := len(p.NSPIDs)
	return n > 0 && p.NSPIDs[n-1] == 1
}

// Blocks reports whether every thread of a process is known to block a signal.
func (p *Process) Blocks(signal string) bool {
	for _, t := range p.AllThreads() {
		if t.State != "Z" && t.State != "X" && !p.ThreadBlocks(&t, signal) {
			return false
		}
	}
	return true
}

// ThreadBlocks reports whether a thread of the process is known to block a signal.
func (p *Process) ThreadBlocks(t *Thread, signal string) bool {
	if t.Signals != nil && t.Signals.Blocked != nil {
		return slices.Contains(t.Signals.Blocked, signal)
	}
	return p.Signals != nil && slices.Contains(p.Signals.Blocked, signal)
}

// Thread is one thread of a process.
type Thread struct {
	TID     int      `json:"tid" ref:"pid" doc:"thread id"`
	Comm    string   `json:"comm" doc:"thread name"`
	State   string   `json:"state" doc:"as for a process"`
	Wchan   string   `json:"wchan,omitzero" doc:"kernel function it sleeps in"`
	Signals *Signals `json:"signals,omitzero" doc:"its masks, where they differ from the main thread's"`
}
