package diagnose

import "github.com/ipctop/ipctop/model"

var ptyNotReadRule = Rule{
	ID:       "pty-not-read",
	Short:    "terminal full",
	Title:    "program blocked because nobody reads its terminal",
	Severity: model.Warning,
	Means: "A program writes to a pseudoterminal and waits for longer than --min-age: whatever holds the other end, a terminal emulator, sshd, tmux or expect, " +
		"does not read what it has written.",
	Evidence:   "The blocked write (/proc/PID/task/TID/syscall), what is queued for the master (FIONREAD), and what its holders do.",
	Do:         "Look at what the master's holder does. Ending it hangs up the terminal: the programs on it get SIGHUP.",
	FalseAlarm: "Output that was stopped with Ctrl-S makes programs wait just like this, and Ctrl-Q lets them go on; the kernel does not show it.",
	find:       func(v *view) []finding { return v.findFull("the terminal", model.Pty) },
}
