// Package events reads what has no inode of its own and tells of events: epoll,
// eventfd, signalfd, timerfd, inotify, fanotify, pidfd, io_uring and userfaultfd.
//
// Kernel files read: the links /proc/PID/fd/N and /proc/PID/fdinfo/N.
// Minimum kernel: 4.4; finding out which descriptors are one instance needs kcmp(2).
// Privilege: the right to look at a process (ptrace(2), "access mode checking").
//
// Errors: whatever cannot be read becomes a gap; what is not known stays absent.
package events
