// Package sigstate decodes the signal state of processes and threads: what is
// pending, blocked, ignored and caught (signal(7)).
//
// Kernel file read: the lines SigQ, SigPnd, ShdPnd, SigBlk, SigIgn and SigCgt of
// /proc/PID/status and /proc/PID/task/TID/status (proc_pid_status(5)); anyone
// may read them.
// Minimum kernel: 2.6.12 for SigQ, 2.6 for the others.
//
// Signals go by name, as [model.SignalName] has it: SIGTERM, SIGRTMIN+1; 32 and
// 33, which are the C library's own, are SIG32 and SIG33.
//
// Kernel threads ignore all signals except the few that some of them wait for,
// so they get no signal state.
//
// Errors: a process whose lines are missing or malformed has no signal state.
// For malformed lines there is a gap; one bad mask costs only that mask.
package sigstate
