package diagnose

import "github.com/ipctop/ipctop/model"

var ptyNotReadRule = Rule{
	ID:       "pty-not-read",
	Short:    "terminal full",
	Title:    "program blocked because its terminal takes no output",
	Severity: model.Warning,
	Means: "A program writes to a pseudoterminal and waits for longer than --min-age. Either output was stopped, as by Ctrl-S, or whatever holds the other end, " +
		"a terminal emulator, sshd, tmux or expect, does not read what it has written.",
	Evidence: "The blocked write (/proc/PID/task/TID/syscall), what is queued for the master (FIONREAD), and what its holders do. If nothing is queued, the master has read " +
		"all there was, and output is stopped.",
	Do: "Ctrl-Q in the terminal lets stopped output go on. Otherwise look at what the master's holder does. Ending it is no way out: it hangs up the terminal, and the " +
		"programs on it get SIGHUP.",
	FalseAlarm: "Who reads a long output may have stopped it with Ctrl-S on purpose. Where the terminal's program has not read all there was, the kernel does not show " +
		"whether output is stopped, too.",
	find: func(v *view) []finding { return v.findFull("the terminal", model.Pty) },
}
