// Package filelock reads the locks on files: who holds them, who waits for them
// and on whom (flock(2), fcntl_locking(2), F_SETLEASE in fcntl(2)).
//
// Kernel files read: /proc/locks, and the "lock:" lines of /proc/PID/fdinfo/N
// (fs/locks.c, show_fd_locks; Linux 4.1) of those descriptors whose file is in
// /proc/locks. Descriptions that several processes have are distinguished by
// kcmp(2) where that makes a difference.
//
// Privilege: none for /proc/locks; ptrace-read rights on a process for its fdinfo
// (ptrace(2), "access mode checking"). In a pid namespace the kernel shows only
// the locks of processes in that namespace.
//
// Errors: whatever cannot be read becomes a gap; one bad line costs that line.
package filelock
