package model

import "time"

// What a [Wait] needs before it ends.
const (
	NeedsData    = "data"
	NeedsSpace   = "space"
	NeedsLock    = "lock"
	NeedsEvent   = "event"
	NeedsMessage = "message"
	NeedsChild   = "child"
	NeedsSignal  = "signal"
	NeedsPeer    = "peer"
	NeedsTime    = "time"
	NeedsAnswer  = "answer" // of the server of a file system (FUSE), or see [Target.Asked]
)

// The mechanisms by which the kernel asks another program before a thread may continue; see
// [Target.Asked].
const (
	AskedFanotify    = "fanotify"
	AskedUserfaultfd = "userfaultfd"
	AskedSeccomp     = "seccomp"
)

// Wait is a thread blocked on something.
type Wait struct {
	PID     int      `json:"pid" ref:"pid" doc:"the process"`
	TID     int      `json:"tid" ref:"pid" doc:"the thread"`
	Comm    string   `json:"comm" doc:"the thread's name"`
	Call    string   `json:"call" doc:"the system call it is blocked in, or else the kind of wait"`
	Needs   string   `json:"needs" doc:"what would release it: data, space, lock, event, message, child, signal, peer, time, or the answer of another program, such as a file system's server"`
	Object  string   `json:"object,omitzero" ref:"object" doc:"the object it waits on"`
	Objects []string `json:"objects,omitzero" ref:"object" doc:"the objects it waits on, where there are several"`
	Target  *Target  `json:"target,omitzero" doc:"what exactly it asked for"`

	Timed          Opt[bool]  `json:"timed,omitzero" doc:"whether the wait has a timeout; missing if unknown"`
	Timeout        Opt[int64] `json:"timeout_ns,omitzero" unit:"ns" doc:"the call's time limit"`
	BlockedFor     Opt[int64] `json:"blocked_for_ns,omitzero" unit:"ns" doc:"how long the thread has not run"`
	AgeSource      string     `json:"age_source,omitzero" doc:"sched: read from the scheduler; observed: at least this long, seen by ipctop"`
	Confirmed      bool       `json:"confirmed" doc:"unchanged across two samples"`
	Partial        bool       `json:"partial,omitzero" doc:"it also waits for something that could not be read"`
	Kernel         string     `json:"kernel,omitzero" doc:"the part of the kernel that its process uses and that may increase the event counter it waits for: io_uring, AIO, KVM or VFIO"`
	Monitor        bool       `json:"runtime_monitor,omitzero" doc:"it is the monitor thread of the Go runtime (sysmon)"`
	Handler        string     `json:"handler,omitzero" doc:"the signal whose handler the thread runs; unknown: one of several; only for threads that wait for a futex and whose stack could be read"`
	Idle           bool       `json:"idle" doc:"waiting for work, as servers and shells do"`
	Blockers       []Blocker  `json:"blockers" doc:"who could release it, at most 100 of them"`
	MoreBlockers   bool       `json:"more_blockers,omitzero" doc:"there are more blockers than those listed"`
	Clauses        [][]int    `json:"clauses,omitzero" ref:"pid" doc:"what must happen: every list needs one of its threads (tids)"`
	Wakeups        *Wakeups   `json:"wakeups,omitzero" doc:"its earlier waits of the same sort; missing without a trace, or if none ended during it"`
	UnknownRelease bool       `json:"unknown_releaser,omitzero" doc:"something that is not visible might release it"`
}

// Wakeups describes the observed earlier waits of a thread in the same call on the same
// object.
type Wakeups struct {
	Since   time.Time `json:"since" doc:"when counting began (--trace)"`
	Count   int64     `json:"count" doc:"how many have ended"`
	Waited  int64     `json:"waited_ns" unit:"ns" doc:"total duration"`
	Usual   int64     `json:"usual_ns" unit:"ns" doc:"median duration, within a factor of 1.5"`
	Last    time.Time `json:"last" doc:"when the last one ended"`
	WokenBy string    `json:"woken_by" doc:"who ended it: process; timer or device; packets (they arrived while the named process ran)"`
	PID     int       `json:"pid,omitzero" ref:"pid" doc:"the process that woke it, which may have ended; missing for a timer, a device, the kernel, and outside of ipctop's pid namespace"`
	TID     int       `json:"tid,omitzero" ref:"pid" doc:"its thread"`
	Comm    string    `json:"comm,omitzero" ref:"name" doc:"the display name of that process"`
}

// Target is what a blocked call asked for.
type Target struct {
	Range       string    `json:"range,omitzero" doc:"byte range of a lock"`
	LockType    string    `json:"lock_type,omitzero" doc:"type of a lock on a file: posix, ofd or flock"`
	Mode        string    `json:"mode,omitzero" doc:"mode of a lock"`
	Operations  []string  `json:"operations,omitzero" doc:"semaphore operations"`
	MessageType Opt[int]  `json:"message_type,omitzero" doc:"msgrcv's message type"`
	OtherTypes  bool      `json:"other_types,omitzero" doc:"msgrcv asks for any other type (MSG_EXCEPT)"`
	Child       Opt[int]  `json:"child,omitzero" ref:"pid" doc:"process waited for; -1: any child"`
	Signals     []string  `json:"signals,omitzero" doc:"signals that sigwait waits for"`
	Path        string    `json:"path,omitzero" doc:"path that is opened, connected to, or waited for at the server of a file system"`
	PathDev     string    `json:"path_dev,omitzero" doc:"device of the socket file at the path that is connected or sent to, major:minor"`
	PathIno     Big       `json:"path_ino,omitzero" doc:"inode number of that file, a string of decimal digits; missing if it is unknown which file the path leads to"`
	Access      Access    `json:"access,omitzero" doc:"what the FIFO is opened for: r reading, w writing"`
	Written     time.Time `json:"written,omitzero" doc:"when the FIFO that is opened was last written to; missing if it never was, or if the file system does not tell when it was created"`
	FileSystem  string    `json:"file_system,omitzero" doc:"mount point of the file system whose server (FUSE) has not answered"`
	Servers     []int     `json:"servers,omitzero" ref:"pid" doc:"processes that serve that file system or could give the answer"`
	Asked       string    `json:"asked,omitzero" doc:"how the kernel asks another program before the thread can continue: fanotify (whether it may open or read a file), userfaultfd (for a page), seccomp (whether the system call may be made)"`
	OwnerTID    int       `json:"owner_tid,omitzero" ref:"pid" doc:"owner named by a futex"`
	Address     Addr      `json:"address,omitzero" doc:"address of the futex"`
	FD          Opt[int]  `json:"fd,omitzero" doc:"descriptor the call was made on"`
}

// Blocker is a thread or process that could release a wait.
type Blocker struct {
	PID        int        `json:"pid" ref:"pid" doc:"the process"`
	TID        int        `json:"tid,omitzero" ref:"pid" doc:"the thread, if only one thread can do it"`
	Comm       string     `json:"comm" ref:"name" doc:"the display name of its process"`
	Confidence Confidence `json:"confidence" doc:"confidence"`
	Why        string     `json:"why" doc:"what makes it a blocker"`
}
