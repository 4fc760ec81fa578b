package model

import "time"

// PosixMqDetail is the detail of a POSIX message queue (mq_overview(7)).
type PosixMqDetail struct {
	Messages    Opt[int64] `json:"messages,omitzero" doc:"messages in the queue"`
	MaxMessages Opt[int64] `json:"max_messages,omitzero" doc:"maximum number of messages (mq_maxmsg)"`
	MessageSize Opt[int64] `json:"message_size,omitzero" unit:"bytes" doc:"maximum size of a message (mq_msgsize)"`
	Bytes       Opt[int64] `json:"bytes,omitzero" unit:"bytes" doc:"size of the messages in the queue"`
	Modified    time.Time  `json:"modify_time,omitzero" doc:"when it was made or a message was last sent or received (mtime)"`
	Notify      *MqNotify  `json:"notify,omitzero" doc:"who is notified when a message arrives at the empty queue; empty: nobody, missing: unknown"`
}

// DetailKind implements [Detail].
func (*PosixMqDetail) DetailKind() Kind { return PosixMq }

// MqNotify is a registration by mq_notify(3).
type MqNotify struct {
	PID    Opt[int] `json:"pid,omitzero" ref:"pid" doc:"the registered process; missing: one outside this pid namespace"`
	Method string   `json:"method,omitzero" doc:"signal, thread or none"`
	Signal string   `json:"signal,omitzero" doc:"the signal it gets"`
}

var posixMqInfo = KindInfo{
	Name:        PosixMq,
	Title:       "POSIX message queue",
	Category:    "queue",
	Data:        "message",
	Direction:   "both ways",
	Persistence: "kernel",
	Buffered:    true,
	Calls:       []string{"mq_open", "mq_send", "mq_receive", "mq_notify", "mq_unlink"},
	Man:         []string{"mq_overview(7)", "mq_open(3)", "mq_notify(3)"},
	About: "Messages with priorities in a named queue of the IPC namespace. It stays until it is unlinked and nobody has it " +
		"open any more. A sender blocks while it holds the most messages it may, a receiver while it is empty.",
	Source: "the mqueue file system, mounted where nobody sees it (fsmount), and mq_getsetattr; else a mount that is there; " +
		"holders from /proc/PID/fd",
	Privilege: "CAP_SYS_ADMIN, or a mounted mqueue file system; the state of a queue: read permission on it or CAP_DAC_READ_SEARCH; " +
		"holders: CAP_SYS_PTRACE with CAP_DAC_READ_SEARCH",
	Unseen:    "the messages; who is registered with a queue whose name was removed. Reading a queue's state sets its file's atime",
	NewDetail: func() Detail { return new(PosixMqDetail) },
}
