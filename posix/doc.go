// Package posix reads POSIX message queues of every IPC namespace and who has
// them open (mq_overview(7)), and POSIX shared memory and named semaphores of
// every mount namespace that processes live in (shm_overview(7),
// sem_overview(7)).
//
// Kernel interfaces for queues: the mqueue file system, through a mount that is
// attached nowhere (fsopen(2), fsconfig(2), fsmount(2), Linux 5.2), so no process
// sees it; the text of its files (ipc/mqueue.c, mqueue_read_file) and
// mq_getsetattr(2); descriptors of processes. For memory: the directory /dev/shm,
// if mountinfo says that it is on a tmpfs, with getdents64 and statx (Linux
// 4.11); /proc/locks; for the value of a semaphore, its file. fdscan.File finds
// which processes have memory open or mapped, by device and inode. Limits:
// /proc/sys/fs/mqueue/*, which shows the thread's IPC namespace,
// /proc/PID/limits, and statfs(2) of /dev/shm.
//
// Privilege: for queues CAP_SYS_ADMIN. Without it, or on an older kernel, an mqueue
// file system that is mounted already is read as far as its permissions allow. Such
// a mount shows the queues of the IPC namespace in which it was made, but does not
// name the namespace: its queues carry none. For memory: none for the own /dev/shm,
// CAP_SYS_PTRACE for those of other mount namespaces; for the rest see each kind's
// description.
//
// Traces: reading a queue's file sets its atime and ctime, and processes that
// watch the directory with inotify(7) see the file opened and read. The queue is
// not touched. Processes that watch /dev/shm see the directory opened and read,
// and semaphores opened, read and closed. Access times there do not change if
// ipctop may ask for that (O_NOATIME: as root or the owner). Nothing but
// semaphores is opened.
//
// Errors: whatever cannot be read becomes a gap; what is not known stays absent.
package posix
