package diagnose

import "github.com/ipctop/ipctop/model"

var socketFullRule = Rule{
	ID:       "socket-full",
	Title:    "writer blocked at a socket that takes no more",
	Severity: model.Warning,
	Means: "A process writes to a socket and waits for longer than --min-age: the buffers are full, for the other end does not read. Two ends that both " +
		"write before they read get stuck like this.",
	Evidence: "The blocked write (/proc/PID/task/TID/syscall), the queues of the socket, and what the holders of the other end do.",
	Do:       "Look at what the other end does (ipctop why PID); of a connection to another host, look there.",
	FalseAlarm: "A slow reader or a slow network makes the writer wait; that is how a connection slows a fast writer down. As long as a " +
		"reader has run within --min-age, or waits for a job that has, it is only worth knowing (info).",
	find: func(v *view) []finding { return v.findFull("the socket", model.Unix, model.TCP, model.Vsock) },
}
