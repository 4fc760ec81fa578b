package corefile

import "github.com/ipctop/ipctop/model"

// Core is the content of a core file.
type Core struct {
	Arch    string  `json:"arch" doc:"architecture of the process"`
	Process Process `json:"process" doc:"the process (NT_PRPSINFO)"`
	Living  bool    `json:"living,omitzero" doc:"it was not ended: a debugger took the core of the living process (gcore)"`
	Signal  *Signal `json:"signal,omitzero" doc:"the signal that ended it; of a living process, the one that it had got"`

	Threads  []Thread  `json:"threads" doc:"its threads, the one that got the signal first"`
	Mappings []Mapping `json:"mappings" doc:"memory it shared, as far as the name of a mapping tells (NT_FILE)"`

	Truncated model.Opt[bool] `json:"truncated,omitzero" doc:"the end is missing; missing where it was not looked at"`
	Notes     []string        `json:"notes" doc:"what could not be read, and why"`
}

// Process is the process that the core is of.
type Process struct {
	PID  int            `json:"pid,omitzero" doc:"process id, in its own pid namespace"`
	PPID int            `json:"ppid,omitzero" doc:"the thread that forked it: of a parent with several threads it may not be its pid"`
	UID  model.Opt[int] `json:"uid,omitzero" doc:"its real user id"`
	Comm string         `json:"comm,omitzero" doc:"command name"`
	Args string         `json:"args,omitzero" doc:"the first 80 bytes of its arguments"`
}

// Signal is the signal that ended the process, or stopped it for a debugger (NT_SIGINFO,
// sigaction(2)).
type Signal struct {
	Name    string                `json:"name" doc:"its name"`
	Code    string                `json:"code,omitzero" doc:"why it was sent: SI_USER, SEGV_MAPERR …; a number where it has no name"`
	Sender  model.Opt[int]        `json:"sender,omitzero" doc:"the process that sent it; 0: one outside its pid namespace; missing: the kernel, or unknown"`
	UID     model.Opt[int]        `json:"sender_uid,omitzero" doc:"real user id of the sender"`
	Address model.Opt[model.Addr] `json:"address,omitzero" doc:"the address that could not be accessed"`
}

// Thread is one thread of the process.
type Thread struct {
	TID     int      `json:"tid" doc:"thread id"`
	Blocked []string `json:"blocked" doc:"signals it had blocked"`
	Pending []string `json:"pending" doc:"signals that were pending for it"`
	Call    *Call    `json:"call,omitzero" doc:"the system call it was in"`
	Locks   []Lock   `json:"locks,omitzero" doc:"robust mutexes it held; missing where its list could not be read"`

	pointer uint64 // its thread pointer; 0 if unknown
}

// Call is a system call that a thread was in.
type Call struct {
	Number      int          `json:"number" doc:"its number on this architecture"`
	Name        string       `json:"name,omitzero" doc:"its name, of those that one waits in"`
	Args        []model.Addr `json:"args" doc:"its six arguments; on arm64 the first one may be its result"`
	Interrupted bool         `json:"interrupted" doc:"it had not come to an end: the thread was blocked in it"`
	Text        string       `json:"text" doc:"what it waited for, in words"`
	Object      string       `json:"object,omitzero" doc:"the memory that the futex is in"`
	Owner       int          `json:"owner,omitzero" doc:"the thread that held the lock it waited for"`
}

// Lock is a robust mutex that a thread held.
type Lock struct {
	Address model.Addr       `json:"address" doc:"of the futex"`
	Object  string           `json:"object,omitzero" doc:"the memory it is in"`
	Offset  model.Opt[int64] `json:"offset,omitzero" unit:"bytes" doc:"where in there"`
	Waiters model.Opt[bool]  `json:"waiters,omitzero" doc:"somebody waited for it"`
	PI      bool             `json:"pi,omitzero" doc:"with priority inheritance"`
	Pending bool             `json:"pending,omitzero" doc:"it was just being taken or given back"`
}

// Mapping is memory that the process shared.
type Mapping struct {
	Kind    model.Kind `json:"kind" doc:"sysv-shm, memfd, posix-shm, shm-anon"`
	Name    string     `json:"name" doc:"as the kernel calls it"`
	Address model.Addr `json:"address" doc:"where it was"`
	Size    int64      `json:"size" unit:"bytes" doc:"how much of it was mapped"`
	Offset  int64      `json:"offset" unit:"bytes" doc:"from where in the object"`
	Content string     `json:"content" doc:"whether it is in the core: all, part or none"`
}
