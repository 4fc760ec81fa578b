package model

// PtyDetail is the detail of a pseudoterminal (pty(7)).
type PtyDetail struct {
	Index      Opt[int]   `json:"index,omitzero" doc:"N of /dev/pts/N in its devpts instance"`
	Foreground Opt[int]   `json:"foreground_pgrp,omitzero" ref:"pid" doc:"foreground process group, which may read from it; 0: none, or one outside this pid namespace"`
	Session    Opt[int]   `json:"session,omitzero" ref:"pid" doc:"session whose controlling terminal it is; 0: none, or one outside this pid namespace"`
	Queued     Opt[int64] `json:"queued,omitzero" unit:"bytes" doc:"written by the programs on it and not yet read by the master (FIONREAD)"`
}

// DetailKind implements [Detail].
func (*PtyDetail) DetailKind() Kind { return Pty }

// The flags of a pseudoterminal's holders.
const (
	PtyMaster = "master" // the terminal emulator, sshd, tmux …
	PtySlave  = "slave"  // the programs that run on it
)

var ptyInfo = KindInfo{
	Name:        Pty,
	Title:       "pseudoterminal",
	Category:    "channel",
	Data:        "stream",
	Direction:   "both ways",
	Ends:        []string{PtyMaster, PtySlave},
	Persistence: "process",
	Buffered:    true,
	Calls:       []string{"posix_openpt", "grantpt", "unlockpt", "openpty", "forkpty", "read", "write"},
	Man:         []string{"pty(7)", "pts(4)", "tty(4)"},
	About: "A terminal made of software: what is written to the slave, /dev/pts/N, is read from the master and the other way " +
		"round. Terminal emulators, sshd, tmux, script and container runtimes hold masters; shells and what they start hold " +
		"slaves. A program that writes waits while the master does not read, or while output is stopped (Ctrl-S).",
	Source: "the links /proc/PID/fd/N and the device numbers behind them. Which devpts instance a master opened as /dev/ptmx " +
		"belongs to, and what is queued, is asked of a duplicate that lives for microseconds (TIOCGPTPEER with O_PATH, which opens " +
		"nothing; FIONREAD)",
	Privilege: "descriptors of other users' processes need CAP_SYS_PTRACE; queued, foreground_pgrp and session need the right to " +
		"attach to a holder of the master (ptrace(2), pidfd_getfd(2), Linux 5.6)",
	Unseen: "what is typed and not yet read; which terminal a descriptor opened as /dev/tty is on (holders_complete is false where " +
		"that matters); who wrote what",
	NewDetail: func() Detail { return new(PtyDetail) },
}
