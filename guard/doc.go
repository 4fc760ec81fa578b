// Package guard runs work that may block in the kernel for ever, beyond the reach
// of SIGKILL, without being blocked itself: reading the command line of a process
// whose memory lock is held, asking a pipe whose mutex a hung writer holds.
//
// [Guard.Each] spreads work over goroutines. What may block stands between
// [Task.Begin] and [Task.End]. An operation that takes longer than [Deadline] is
// given up: its goroutine and thread are left behind, its item is done again by
// another without that operation, and the operation is never tried again on the
// same item. At most four threads are given up that way at a time in one kind of operation on
// what belongs to one user; after that only what hardly ever blocks is tried of it. What others
// have is not affected: anyone can have things that hang. All users but root together
// have sixteen.
//
// Deadlines count time in which ipctop itself ran ([Clock]), and an operation whose
// thread moves has ten times as much: slow is not stuck. What is slow without being stuck, again and
// again, is skipped for the user whose it is until the next round ([Guard.NewRound]).
//
// Kernel files read: /proc/self/task/TID/schedstat, stat (proc_pid_stat(5)). Minimum
// kernel: none; without schedstat (Linux 2.6.9) time alone tells what is stuck. Privilege: none.
//
// Errors: [ErrGivenUp] is for callers to report what [Task.Begin] refused.
package guard
