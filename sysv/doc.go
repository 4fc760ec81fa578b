// Package sysv reads System V message queues, semaphore sets and shared memory
// segments (sysvipc(7)) of every IPC namespace, and who has segments attached.
//
// Kernel interfaces: msgctl(2), semctl(2) and shmctl(2) with *_INFO and
// *_STAT_ANY (Linux 4.17) on 64-bit machines; elsewhere the text of
// /proc/sysvipc/{msg,sem,shm}, which does not tell a queue's limit. Both show
// the IPC namespace of the thread that asks. Each semaphore: semctl GETALL,
// GETPID, GETNCNT, GETZCNT. Attachments: the shared mappings of each process.
// Limits: /proc/sys/kernel/{msgmni,msgmnb,msgmax,sem,shmmni,shmmax,shmall}, which
// show the same namespace; how much is used from *_INFO.
//
// Privilege: none to list; read permission or CAP_IPC_OWNER for the values of a
// semaphore set; CAP_SYS_ADMIN for another IPC namespace; for attachments, the
// right to read the mappings of a process (ptrace(2)), and CAP_SYS_ADMIN or
// CAP_CHECKPOINT_RESTORE to distinguish segments with the same id in several
// namespaces.
//
// Traces: GETNCNT and GETZCNT can make the kernel log one line that names the
// caller, once after each boot (ipc/sem.c, count_semcnt).
//
// Errors: whatever cannot be read becomes a gap; what is not known stays absent.
package sysv
