// Package remediate is the only package of ipctop that changes the machine, and does
// so only when a user has asked for it and said yes: it signals a process and
// removes what nobody uses.
//
// It changes only what the user has seen. A process is held by a pidfd, and its start
// time is checked before a signal is sent. An object is checked again and skipped if
// another one has its name now, or if a process has begun to use it.
//
// Kernel files read: /proc/PID/stat, /proc/sysvipc/shm, msg and sem,
// /proc/self/ns/ipc, /proc/self/status. Calls: pidfd_open(2) (Linux 5.3),
// pidfd_send_signal(2) (5.1), shmctl(2), msgctl(2) and semctl(2) with IPC_RMID,
// mq_unlink(2), unlinkat(2).
//
// Privilege: that of kill(2), ipcrm(1) and rm(1), no more. [Refused] says when ipctop
// has more rights than its user and must not use them for changes.
//
// Errors wrap the errno, so that errors.Is distinguishes EPERM and ESRCH. [ErrChanged]
// means that another object or process has the name now, [ErrInUse] that a process uses
// the object now.
package remediate
