// Package events reads descriptors that report events and have no inode of their own: epoll,
// eventfd, signalfd, timerfd, inotify, fanotify, pidfd, io_uring and userfaultfd.
//
// Kernel files read: the links /proc/PID/fd/N and /proc/PID/fdinfo/N.
// Minimum kernel: 4.4; finding out which descriptors are one instance needs kcmp(2).
// Privilege: the right to look at a process (ptrace(2), "access mode checking").
//
// Errors: whatever cannot be read becomes a gap; what is not known stays absent.
package events
