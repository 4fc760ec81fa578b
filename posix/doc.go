// Package posix reads POSIX message queues of every IPC namespace and who has
// them open (mq_overview(7)).
//
// Kernel interfaces: the mqueue file system, through a mount that is attached
// nowhere (fsopen(2), fsconfig(2), fsmount(2), Linux 5.2) and so seen by nobody;
// the text of its files (ipc/mqueue.c, mqueue_read_file) and mq_getsetattr(2);
// descriptors of processes. Limits: /proc/sys/fs/mqueue/*, which shows the
// thread's IPC namespace, /proc/PID/limits, and statfs(2) of /dev/shm.
//
// Privilege: CAP_SYS_ADMIN. Without it, or on an older kernel, a mqueue file
// system that is mounted already is read as far as its permissions allow. Such a
// mount shows the queues of the IPC namespace in which it was made, which it does
// not name: its queues carry no namespace.
//
// Traces: reading a queue's file sets its atime and ctime, and those who watch
// the directory with inotify(7) see it opened and read. The queue is not touched.
//
// Errors: whatever cannot be read becomes a gap; what is not known stays absent.
package posix
