package model

import "time"

// SysvMsgDetail is the detail of a System V message queue (msgctl(2)).
type SysvMsgDetail struct {
	Key         string     `json:"key,omitzero" doc:"key as ipcs shows it: 0x and eight hexadecimal digits; 0x00000000 is IPC_PRIVATE"`
	CreatorUID  Opt[int]   `json:"creator_uid,omitzero" doc:"user who created it; uid is the current owner, who may be another user"`
	Messages    Opt[int64] `json:"messages,omitzero" doc:"messages in the queue"`
	Bytes       Opt[int64] `json:"bytes,omitzero" unit:"bytes" doc:"their size"`
	MaxBytes    Opt[int64] `json:"max_bytes,omitzero" unit:"bytes" doc:"maximum number of bytes in the queue (msg_qbytes)"`
	LastSendPID Opt[int]   `json:"last_send_pid,omitzero" ref:"pid" doc:"last process that sent; 0: none yet, or one outside this pid namespace"`
	LastRecvPID Opt[int]   `json:"last_recv_pid,omitzero" ref:"pid" doc:"last process that received; 0: none yet, or one outside this pid namespace"`
	SendTime    time.Time  `json:"send_time,omitzero" doc:"when something was last sent; missing: never"`
	RecvTime    time.Time  `json:"recv_time,omitzero" doc:"when something was last received; missing: never"`
	ChangeTime  time.Time  `json:"change_time,omitzero" doc:"when it was made or its owner or limits last changed"`

	Types []MessageType `json:"types,omitzero" doc:"the messages by their types; read on demand (show --types)"`
}

// MessageType counts the messages of one type in a queue.
type MessageType struct {
	Type     Big   `json:"type" doc:"their type (mtype of msgsnd), a string of decimal digits"`
	Messages int64 `json:"messages" doc:"how many there are"`
	Bytes    int64 `json:"bytes" unit:"bytes" doc:"their size"`
	Largest  int64 `json:"largest" unit:"bytes" doc:"size of the largest"`
}

// DetailKind implements [Detail].
func (*SysvMsgDetail) DetailKind() Kind { return SysvMsg }

// SysvSemDetail is the detail of a System V semaphore set (semctl(2)).
type SysvSemDetail struct {
	Key        string    `json:"key,omitzero" doc:"key as ipcs shows it"`
	CreatorUID Opt[int]  `json:"creator_uid,omitzero" doc:"user who created it; uid is the current owner, who may be another user"`
	Count      Opt[int]  `json:"count,omitzero" doc:"number of semaphores in the set"`
	Sems       []Sem     `json:"sems,omitzero" doc:"each semaphore; missing if reading them is not permitted"`
	OpTime     time.Time `json:"op_time,omitzero" doc:"last successful semop; missing: never"`
	ChangeTime time.Time `json:"change_time,omitzero" doc:"when it was made or last changed by semctl"`
}

// Sem is one semaphore of a System V set.
type Sem struct {
	Value   Opt[int] `json:"value,omitzero" doc:"its value"`
	NCount  Opt[int] `json:"ncount,omitzero" doc:"threads that wait for it to increase"`
	ZCount  Opt[int] `json:"zcount,omitzero" doc:"threads that wait for it to become zero"`
	LastPID Opt[int] `json:"last_pid,omitzero" ref:"pid" doc:"process that last changed it; 0: none yet, or one outside this pid namespace"`
}

// DetailKind implements [Detail].
func (*SysvSemDetail) DetailKind() Kind { return SysvSem }

// SysvShmDetail is the detail of a System V shared memory segment (shmctl(2)).
type SysvShmDetail struct {
	Key              string     `json:"key,omitzero" doc:"key as ipcs shows it"`
	CreatorUID       Opt[int]   `json:"creator_uid,omitzero" doc:"user who created it; uid is the current owner, who may be another user"`
	Size             Opt[int64] `json:"size,omitzero" unit:"bytes" doc:"size of the segment"`
	Attached         Opt[int64] `json:"attached,omitzero" doc:"number of attachments (shm_nattch)"`
	CreatorPID       Opt[int]   `json:"creator_pid,omitzero" ref:"pid" doc:"process that created it; 0: one outside this pid namespace"`
	CreatorComm      string     `json:"creator_comm,omitzero" ref:"name" doc:"its command name, if it has ended and a recording contains it (--history)"`
	CreatorCmdline   []string   `json:"creator_cmdline,omitzero" doc:"its arguments, likewise"`
	LastPID          Opt[int]   `json:"last_pid,omitzero" ref:"pid" doc:"process that last attached or detached it; 0: none yet, or outside this pid namespace"`
	RSS              Opt[int64] `json:"rss,omitzero" unit:"bytes" doc:"how much of it is in memory"`
	Swap             Opt[int64] `json:"swap,omitzero" unit:"bytes" doc:"how much of it is swapped out"`
	MarkedForRemoval Opt[bool]  `json:"marked_for_removal,omitzero" doc:"it is removed when the last process detaches it (SHM_DEST)"`
	AttachTime       time.Time  `json:"attach_time,omitzero" doc:"last shmat; missing: never"`
	DetachTime       time.Time  `json:"detach_time,omitzero" doc:"last shmdt; missing: never"`
	ChangeTime       time.Time  `json:"change_time,omitzero" doc:"when it was made or last changed by shmctl"`
}

// DetailKind implements [Detail].
func (*SysvShmDetail) DetailKind() Kind { return SysvShm }

var (
	sysvMsgInfo = KindInfo{
		Name:        SysvMsg,
		Title:       "System V message queue",
		Category:    "queue",
		Data:        "message",
		Direction:   "both ways",
		Persistence: "kernel",
		Buffered:    true,
		Calls:       []string{"msgget", "msgsnd", "msgrcv", "msgctl"},
		Man:         []string{"sysvipc(7)", "msgget(2)", "msgop(2)", "msgctl(2)"},
		About: "Typed messages in a kernel queue that outlives its users. Any process of the IPC namespace that knows the key " +
			"may use it; the kernel does not record who has it in use.",
		Source:    "msgctl MSG_STAT_ANY, else /proc/sysvipc/msg",
		Privilege: "none; other IPC namespaces: CAP_SYS_ADMIN",
		Unseen:    "its users, apart from the last sender and receiver; the contents of messages",
		NewDetail: func() Detail { return new(SysvMsgDetail) },
	}
	sysvSemInfo = KindInfo{
		Name:        SysvSem,
		Title:       "System V semaphore set",
		Category:    "lock",
		Data:        "counter",
		Direction:   "none",
		Persistence: "kernel",
		Calls:       []string{"semget", "semop", "semtimedop", "semctl"},
		Man:         []string{"sysvipc(7)", "semget(2)", "semop(2)", "semctl(2)"},
		About: "Sets of counters changed together. A process that ends without SEM_UNDO leaves them as they are: the " +
			"classic cause of a hang after a crash.",
		Source:    "semctl SEM_STAT_ANY, GETALL, GETPID, GETNCNT, GETZCNT, else /proc/sysvipc/sem",
		Privilege: "values and waiters: read permission on the set or CAP_IPC_OWNER; other IPC namespaces: CAP_SYS_ADMIN",
		Unseen:    "which process took it last but one; undo records",
		NewDetail: func() Detail { return new(SysvSemDetail) },
	}
	sysvShmInfo = KindInfo{
		Name:        SysvShm,
		Title:       "System V shared memory segment",
		Category:    "memory",
		Data:        "state",
		Direction:   "both ways",
		Persistence: "kernel",
		Calls:       []string{"shmget", "shmat", "shmdt", "shmctl"},
		Man:         []string{"sysvipc(7)", "shmget(2)", "shmop(2)", "shmctl(2)"},
		About:       "Memory that several processes attach. It stays until removed, also when its creator is gone.",
		Source:      "shmctl SHM_STAT_ANY, else /proc/sysvipc/shm; attachments from PROCMAP_QUERY or /proc/PID/maps",
		Privilege:   "segments: none; who is attached: CAP_SYS_PTRACE with CAP_DAC_READ_SEARCH; other IPC namespaces: CAP_SYS_ADMIN",
		Unseen:      "who writes and who only reads what",
		NewDetail:   func() Detail { return new(SysvShmDetail) },
	}
)
