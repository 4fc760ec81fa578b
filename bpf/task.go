package bpf

import (
	"bytes"
	"math/bits"
)

// Task is a thread. Process numbers are those of the caller's pid namespace, 0 for
// a process that is not in it.
type Task struct {
	TID, PID       int // the thread, and its process
	PPID           int
	PGID, SID      int
	Tracer         int    // the thread that traces it; 0: none
	StartTicks     uint64 // when the thread was made, in clock ticks since boot; for the main thread this is the start of the process
	State          byte   // as in proc_pid_stat(5): R S D T t X Z P I
	Comm           string // command name, at most 15 bytes; for kernel threads the proc file system has longer ones
	Kernel         bool   // it is a thread of the kernel
	CoreDump       bool   // the kernel is writing its process's core file
	Threads        int    // of its process
	TTY            int    // device number of the controlling terminal, as in proc_pid_stat(5); 0: none
	UID, RealUID   uint32 // effective and real user id
	StopSignal     int    // of a stopped thread: the signal that stopped it; 0: not known
	Processor      int    // the one on which it last ran
	Runs           uint64 // how often it was put on a processor; 0 where the kernel does not count
	ExecStart      uint64 // when it last ran, by that processor's clock, ns; 0: not known
	Pending        uint64 // signals pending for the thread
	SharedPending  uint64 // signals pending for its process
	Blocked        uint64 // signals
	Ignored        uint64 // signals; see SignalsKnown
	Caught         uint64
	SignalsKnown   bool   // Ignored and Caught were read, which is done for main threads
	FileLimit      uint64 // RLIMIT_NOFILE of its process, the soft limit; all ones: none
	QueueLimit     uint64 // RLIMIT_SIGPENDING, likewise
	NSPIDs         []int
	NSPIDsComplete bool   // NSPIDs has the thread's number in each nested pid namespace, outermost first
	CgroupID       uint64 // inode number of its directory in cgroup v2
	CgroupSet      uint64 // equal for threads that are in the same control groups of all hierarchies, during one read
	Namespaces     TaskNamespaces
	Timers         bool // its process may have POSIX timers

	Call   Call   // the call that it is in, unless it runs or has ended
	Record []byte // the record from the kernel: equal as long as none of this changes
}

// TaskNamespaces are inode numbers of namespaces, 0 if the kernel lacks the type or an
// ended thread has left it.
type TaskNamespaces struct {
	UTS, IPC, Mount, Net, PID, User, Cgroup, Time uint64
}

// Of returns the namespace of a type, by its name in /proc/PID/ns.
func (n *TaskNamespaces) Of(nsType string) uint64 {
	switch nsType {
	case "cgroup":
		return n.Cgroup
	case "ipc":
		return n.IPC
	case "mnt":
		return n.Mount
	case "net":
		return n.Net
	case "pid":
		return n.PID
	case "time":
		return n.Time
	case "user":
		return n.User
	case "uts":
		return n.UTS
	}
	return 0
}

// Call is the state in which a thread left user mode.
type Call struct {
	Known  bool
	Number int64 // of the system call, -1 if it is in none
	// Args are the registers that hold the arguments of a 64-bit system call.
	Args   [6]uint64
	SP, IP uint64
}

const (
	taskSize  = 320
	innerPIDs = 7

	taskCall    = 1 << 0
	taskSignals = 1 << 1
	taskTimers  = 1 << 2

	// include/linux/sched.h
	kernelThread = 0x00200000 // PF_KTHREAD
	// include/linux/sched/signal.h
	stopStopped, groupExit = 0x01, 0x04 // SIGNAL_STOP_STOPPED, SIGNAL_GROUP_EXIT
)

// TaskParts select what is read of a task.
type TaskParts uint32

// TaskRuns is always included: TID, PID, StartTicks, State, Kernel, Processor, Runs,
// ExecStart, CgroupSet, Timers and Call. TaskState is all the rest.
const (
	TaskRuns  TaskParts = 0
	TaskState TaskParts = 1
)

// Tasks calls f for every thread of the caller's pid namespace, by ascending thread id.
// It takes some 2 µs per thread, less with fewer parts. The task is valid until f
// returns.
func (s *Source) Tasks(parts TaskParts, f func(t *Task)) error {
	it, err := s.use(func(s *Source) *iterator { return s.tasks })
	if err != nil {
		return err
	}
	var t Task
	before := func() error { return it.collection.Maps["wanted"].Put(uint32(0), uint32(parts)) }
	return it.eachAfter(before, taskLength, func(record []byte) {
		t = parseTask(record, &t)
		if t.TID != 0 && t.PID != 0 { // else it has just ended
			f(&t)
		}
	})
}

// taskLength returns the length of the first record in b.
func taskLength([]byte) int { return taskSize }

// ParseTask parses a [Task.Record].
func ParseTask(record []byte) Task { return parseTask(record, new(Task)) }

// parseTask reuses memory of another task that is no longer needed.
func parseTask(record []byte, last *Task) Task {
	f, inner := fields{record}, last.NSPIDs[:0]
	t := Task{Record: record}
	t.TID, t.PID, t.PPID, t.PGID, t.SID, t.Tracer = f.int(), f.int(), f.int(), f.int(), f.int(), f.int()
	state, exitState := f.u32(), f.u32()
	t.State = taskState(state, exitState)
	flags, taskFlags, groupFlags := f.u32(), f.u32(), f.u32()
	t.Kernel = taskFlags&kernelThread != 0
	t.CoreDump = f.u32() != 0
	t.Threads, t.TTY, t.UID, t.RealUID = f.int(), f.int(), f.u32(), f.u32()
	if exit := f.int(); t.State == 'T' && groupFlags&(stopStopped|groupExit) != 0 {
		t.StopSignal = exit & 0x7f
	}
	t.Processor = f.int()
	ns := &t.Namespaces
	for _, n := range []*uint64{&ns.UTS, &ns.IPC, &ns.Mount, &ns.Net, &ns.PID, &ns.User, &ns.Cgroup, &ns.Time} {
		*n = uint64(f.u32())
	}
	depth := f.int()
	for i := range innerPIDs {
		if n := f.int(); i < depth {
			inner = append(inner, n)
		}
	}
	t.NSPIDs, t.NSPIDsComplete = inner, depth <= innerPIDs
	t.StartTicks = f.u64() / (1e9 / clockTicks)
	t.Runs, t.ExecStart = f.u64(), f.u64()
	t.Pending, t.SharedPending, t.Blocked, t.Ignored, t.Caught = f.u64(), f.u64(), f.u64(), f.u64(), f.u64()
	t.FileLimit, t.QueueLimit = f.u64(), f.u64()
	t.SignalsKnown, t.Timers = flags&taskSignals != 0, flags&taskTimers != 0
	t.CgroupID, t.CgroupSet = f.u64(), f.u64()
	t.Call = Call{Known: flags&taskCall != 0 && !t.Kernel && !bytes.ContainsRune([]byte("RZX"), rune(t.State)), Number: int64(f.u64())}
	for i := range t.Call.Args {
		t.Call.Args[i] = f.u64()
	}
	t.Call.SP, t.Call.IP = f.u64(), f.u64()
	comm, _, _ := bytes.Cut(f.bytes(16), []byte{0})
	t.Comm = reuse(last.Comm, comm)
	return t
}

// reuse converts text to a string: it returns was if that is equal.
func reuse(was string, text []byte) string {
	if was == string(text) {
		return was
	}
	return string(text)
}

// clockTicks is USER_HZ, the kernel's unit for start times.
const clockTicks = 100

// taskState is the letter that the proc file system shows for a thread's states
// (task_state_index of include/linux/sched.h).
func taskState(state, exitState uint32) byte {
	const (
		reported = 0x7f
		idle     = 0x0402 // TASK_UNINTERRUPTIBLE, TASK_NOLOAD
		lockWait = 0x1000 // TASK_RTLOCK_WAIT, Linux 5.15
		frozen   = 0x8000 // TASK_FROZEN, Linux 6.1
		letters  = "RSDTtXZPI"
	)
	shown := (state | exitState) & reported
	if state&idle == idle {
		shown = reported + 1
	}
	if state&(lockWait|frozen) != 0 {
		shown = 2
	}
	return letters[bits.Len32(shown)]
}
