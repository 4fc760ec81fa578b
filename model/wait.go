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
	Call    string   `json:"call" doc:"the system call it is in, or how else it is stuck"`
	Needs   string   `json:"needs" doc:"what would release it: data, space, lock, event, message, child, signal, peer, time, or the answer of another program, such as a file system's server"`
	Object  string   `json:"object,omitzero" ref:"object" doc:"the object it waits on"`
	Objects []string `json:"objects,omitzero" ref:"object" doc:"the objects it waits on, where there are several"`
	Target  *Target  `json:"target,omitzero" doc:"what exactly it asked for"`

	Timed          Opt[bool]  `json:"timed,omitzero" doc:"whether the wait has a time limit; missing where that could not be told"`
	Timeout        Opt[int64] `json:"timeout_ns,omitzero" unit:"ns" doc:"the call's time limit"`
	BlockedFor     Opt[int64] `json:"blocked_for_ns,omitzero" unit:"ns" doc:"how long the thread has not run"`
	AgeSource      string     `json:"age_source,omitzero" doc:"sched: read from the scheduler; observed: at least this long, seen by ipctop"`
	Confirmed      bool       `json:"confirmed" doc:"unchanged across two samples"`
	Partial        bool       `json:"partial,omitzero" doc:"it waits for more than what could be read"`
	Kernel         string     `json:"kernel,omitzero" doc:"the part of the kernel that may add to the event counter it waits at, for its process uses that: io_uring, AIO, KVM or VFIO"`
	Monitor        bool       `json:"runtime_monitor,omitzero" doc:"it is the thread that the Go runtime watches itself with (sysmon)"`
	Handler        string     `json:"handler,omitzero" doc:"the signal in whose handler the thread is, unknown where it may be one of several; told of threads that wait at a futex, where their stack could be read"`
	Idle           bool       `json:"idle" doc:"waiting for work, as servers and shells do"`
	Blockers       []Blocker  `json:"blockers" doc:"who could release it, at most 100 of them"`
	MoreBlockers   bool       `json:"more_blockers,omitzero" doc:"there are others besides the blockers listed"`
	Clauses        [][]int    `json:"clauses,omitzero" ref:"pid" doc:"what must happen: every list needs one of its threads (tids)"`
	Wakeups        *Wakeups   `json:"wakeups,omitzero" doc:"its earlier waits of the same sort; missing where nobody traced, or saw one end"`
	UnknownRelease bool       `json:"unknown_releaser,omitzero" doc:"something not seen might release it"`
}

// Wakeups describes the observed earlier waits of a thread in the same call on the same
// object.
type Wakeups struct {
	Since   time.Time `json:"since" doc:"from when on they were counted (--trace)"`
	Count   int64     `json:"count" doc:"how many have ended"`
	Waited  int64     `json:"waited_ns" unit:"ns" doc:"how long they lasted together"`
	Usual   int64     `json:"usual_ns" unit:"ns" doc:"half of them lasted no longer, within a factor of 1.5"`
	Last    time.Time `json:"last" doc:"when the last one ended"`
	WokenBy string    `json:"woken_by" doc:"who ended that one: process; timer or device; packets, which came while the process ran that is named"`
	PID     int       `json:"pid,omitzero" ref:"pid" doc:"the process that did, which may have ended; missing for a timer, a device, the kernel, and outside of ipctop's pid namespace"`
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
	OtherTypes  bool      `json:"other_types,omitzero" doc:"msgrcv asks for any type but that (MSG_EXCEPT)"`
	Child       Opt[int]  `json:"child,omitzero" ref:"pid" doc:"process waited for; -1: any child"`
	Signals     []string  `json:"signals,omitzero" doc:"signals that sigwait waits for"`
	Path        string    `json:"path,omitzero" doc:"path being opened, connected to, or asked a file system's server about"`
	PathDev     string    `json:"path_dev,omitzero" doc:"device of the socket's file that a path leads to which is connected or sent to, major:minor"`
	PathIno     Big       `json:"path_ino,omitzero" doc:"inode number of that file, a string of decimal digits; missing where what the path leads to could not be told"`
	Access      Access    `json:"access,omitzero" doc:"what a FIFO is being opened to: r read, w write"`
	Written     time.Time `json:"written,omitzero" doc:"when the FIFO that is being opened was last written to; missing where it never was, or where the file system does not tell when it was made"`
	FileSystem  string    `json:"file_system,omitzero" doc:"where the file system is mounted whose server (FUSE) has not answered"`
	Servers     []int     `json:"servers,omitzero" ref:"pid" doc:"processes that serve that file system, or may give the answer that is asked for"`
	Asked       string    `json:"asked,omitzero" doc:"by what the kernel asks another program before the thread may go on: fanotify (whether it may open or read a file), userfaultfd (for a page), seccomp (whether to make the system call)"`
	OwnerTID    int       `json:"owner_tid,omitzero" ref:"pid" doc:"owner named by a futex"`
	Address     Addr      `json:"address,omitzero" doc:"address of the futex"`
	FD          Opt[int]  `json:"fd,omitzero" doc:"descriptor the call was made on"`
}

// Blocker is a thread or process that could release a wait.
type Blocker struct {
	PID        int        `json:"pid" ref:"pid" doc:"the process"`
	TID        int        `json:"tid,omitzero" ref:"pid" doc:"the thread, where one thread alone can do it"`
	Comm       string     `json:"comm" ref:"name" doc:"the display name of its process"`
	Confidence Confidence `json:"confidence" doc:"how sure"`
	Why        string     `json:"why" doc:"what makes it a blocker"`
}
