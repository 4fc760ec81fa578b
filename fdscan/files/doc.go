// Package files reads what is on file systems: regular files that processes share,
// and pseudoterminals.
//
// Kernel files read: the links /proc/PID/{fd,map_files}/*, /proc/PID/fdinfo/N.
// Minimum kernel: 4.4; finding the pair of a pseudoterminal needs pidfd_getfd(2) (5.6).
// Privilege: the right to look at a process (ptrace(2), "access mode checking").
//
// Errors: a file on a file system that may not answer is never asked; whatever cannot
// be read becomes a gap.
package files
