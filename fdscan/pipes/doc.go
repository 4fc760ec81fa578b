// Package pipes reads pipes and FIFOs: who holds which end, how full they are and how
// large. To find out how full a pipe is, a duplicate of a descriptor is needed.
// Asking it can get stuck in the kernel, so a helper process asks ([RunHelper]).
//
// Kernel files read: the links /proc/PID/fd/N, /proc/PID/task/TID/{syscall,wchan,stat}.
// Minimum kernel: 4.4; 5.6 for how full a pipe is (pidfd_getfd(2)).
// Privilege: the right to look at a process for its descriptors, and to attach to it for
// a duplicate (ptrace(2)): its own user, or CAP_SYS_PTRACE with CAP_DAC_READ_SEARCH.
//
// Errors: whatever cannot be read becomes a gap; what is not known stays absent. A pipe
// on which a thread got stuck is skipped from then on, with a timeout gap.
package pipes
