// Package guard runs work that may block in the kernel for ever, beyond the reach
// of SIGKILL, without being blocked itself: reading the command line of a process
// whose memory lock is held, asking a pipe whose mutex a hung writer holds.
//
// [Guard.Each] spreads work over goroutines. Operations that may block are enclosed in
// [Task.Begin] and [Task.End]. An operation that takes longer than [Deadline] is given up: its
// goroutine and thread are abandoned, another goroutine does the work on the item again without
// that operation, and the operation is never tried again on the same item. For each kind of
// operation and each user, at most four threads may be stuck at a time on what belongs to the
// user; after that, only operations that hardly ever block are tried on what belongs to that
// user. Other users' processes and files are not affected: any user can have things that hang.
// All users except root together may have sixteen stuck threads.
//
// Deadlines count only time in which ipctop itself ran ([Clock]), and an operation whose thread
// moves gets ten times as much: slow is not stuck. If a user's processes or files are slow again and
// again without being stuck, they are skipped until the next round ([Guard.NewRound]).
//
// Kernel files read: /proc/self/task/TID/schedstat, stat (proc_pid_stat(5)). Minimum kernel:
// none; without schedstat (Linux 2.6.9) only the time decides what is stuck. Privilege: none.
//
// Errors: callers report [ErrGivenUp] for operations that [Task.Begin] refused.
package guard
