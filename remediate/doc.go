// Package remediate is the only package of ipctop that changes the machine, and does
// so only when a user has asked for it and said yes: it signals a process and
// removes what nobody uses.
//
// What is changed is what was seen. A process is held by a pidfd and checked by
// its start time before anything is sent; an object is looked at again, and
// skipped if it has become another or a process has begun to use it.
//
// Kernel files read: /proc/PID/stat, /proc/sysvipc/shm, msg and sem,
// /proc/self/ns/ipc, /proc/self/status. Calls: pidfd_open(2) (Linux 5.3),
// pidfd_send_signal(2) (5.1), shmctl(2), msgctl(2) and semctl(2) with IPC_RMID,
// mq_unlink(2), unlinkat(2).
//
// Privilege: that of kill(2), ipcrm(1) and rm(1), no more: [Refused] says when
// ipctop has borrowed power that it must not lend.
//
// Errors: wrap the errno, so that errors.Is tells EPERM from ESRCH; [ErrChanged]
// is another object or process under the same name, [ErrInUse] one that somebody
// uses now.
package remediate
