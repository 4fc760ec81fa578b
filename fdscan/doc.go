// Package fdscan reads what processes hold through descriptors and mappings:
// one file for each class of object.
//
// Kernel files read: the links /proc/PID/fd/N, /proc/PID/fdinfo/N, the
// sock_diag(7) tables and /proc/PID/net/*.
// Minimum kernel: 4.4; duplicates for pipe fill need pidfd_getfd (5.6).
// Privilege: ptrace-read rights on a process for its descriptors (ptrace(2),
// "access mode checking"): its own user, or CAP_SYS_PTRACE with
// CAP_DAC_READ_SEARCH, because the directory is closed to others.
//
// Errors: whatever cannot be read becomes a gap; what is not known stays absent.
package fdscan
