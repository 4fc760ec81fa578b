package model

// FileDetail is the detail of a file that processes share.
type FileDetail struct {
	Type  string     `json:"type,omitzero" doc:"regular, directory, block, character, fifo or socket; only what is locked may be other than regular"`
	Size  Opt[int64] `json:"size,omitzero" unit:"bytes" doc:"length of a regular file"`
	Locks []Lock     `json:"locks,omitzero" doc:"locks on it, held and waited for"`
}

// DetailKind implements [Detail].
func (*FileDetail) DetailKind() Kind { return File }

// Lock is a lock on a file, held or waited for, as listed in /proc/locks
// (proc_locks(5)).
type Lock struct {
	Type     string     `json:"type" doc:"posix: fcntl F_SETLK, held by a process; ofd: fcntl F_OFD_SETLK, held by an open file description; flock, likewise; lease"`
	Mode     string     `json:"mode" doc:"READ: shared; WRITE: exclusive; for a lease also UNLCK, while it is being released"`
	Start    int64      `json:"start" unit:"bytes" doc:"first byte"`
	End      Opt[int64] `json:"end,omitzero" unit:"bytes" doc:"last byte; missing: to the end of the file, even if it grows"`
	PID      Opt[int]   `json:"pid,omitzero" ref:"pid" doc:"the process that asked for it; for flock it may have ended since; for ofd the kernel does not tell it"`
	Holders  []int      `json:"holders,omitzero" ref:"pid" doc:"processes that hold it, as far as could be seen: for flock and ofd all that have the open file description"`
	Blocked  bool       `json:"blocked" doc:"it is not held: someone waits for it"`
	Breaking bool       `json:"breaking,omitzero" doc:"lease: the holder has been asked to release it"`

	BlockedBy []int `json:"blocked_by,omitzero" ref:"pid" doc:"all processes with conflicting locks; missing if none is known"`
	BlockedOn []int `json:"blocked_on,omitzero" doc:"the conflicting locks, as indexes into this list, from 0"`
}

var fileInfo = KindInfo{
	Name:        File,
	Title:       "shared file",
	Category:    "lock",
	Data:        "state",
	Direction:   "both ways",
	Persistence: "filesystem",
	Calls:       []string{"flock", "fcntl", "lockf", "open", "mmap", "read", "write"},
	Man:         []string{"fcntl_locking(2)", "flock(2)", "proc_locks(5)", "mmap(2)"},
	About: "A regular file that processes use to work together: it is locked, or mapped MAP_SHARED and writable, or open " +
		"in two or more processes of which at least one may write. Locked directories, devices, terminals, pipes, FIFOs and sockets are shown, too: the latter are objects of their own kinds besides. Files " +
		"that one process alone has open are not.",
	Source: "the links /proc/PID/fd/N (statx; fdinfo on foreign file systems), shared mappings, /proc/locks; and the " +
		"lock: lines of /proc/PID/fdinfo/N, which tell who really holds a flock or an open file description's lock",
	Privilege: "locks: none; who has the file open: CAP_SYS_PTRACE for other users' processes",
	Unseen: "locks of processes outside this pid namespace; the process that waits for an ofd lock; locks that other hosts " +
		"hold on a network file system; the path of a locked file that no visible process has open",
	NewDetail: func() Detail { return new(FileDetail) },
}
