package diagnose

import "github.com/ipctop/ipctop/model"

var pipeFullRule = Rule{
	ID:       "pipe-full",
	Title:    "writer blocked at a full pipe",
	Severity: model.Warning,
	Means: "A process writes to a pipe or FIFO that is full, and waits for longer than --min-age: the process that could read it does something else. A child that " +
		"writes more than 64 KiB to a pipe that its parent reads only after the child has ended is the usual case.",
	Evidence: "The blocked write (/proc/PID/task/TID/syscall), what is queued in the pipe (FIONREAD), and what the holders of the read end do.",
	Do:       "Look at what the reader does. If it will never read: end it, and the writer gets SIGPIPE.",
	FalseAlarm: "A slow reader makes its writer wait; that is how a pipe slows a fast writer down, and not a fault. As long as a reader works, that " +
		"is, has run within --min-age, or waits for a job that works, it is only worth knowing (info).",
	find: func(v *view) []finding { return v.findFull("the full pipe", model.Pipe, model.FIFO) },
}
