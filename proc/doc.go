// Package proc reads a proc file system: directories of processes by relative names,
// raw system calls and the caller's buffers, and the texts of its files.
//
// A scan makes three calls for every descriptor on the machine, so [Dir] allocates
// nothing per call. Parsers are pure functions of bytes.
//
// Kernel files read: /proc/PID/{stat,status,maps,mountinfo,limits,cgroup,ns/*},
// /proc/{stat,loadavg}, /proc/sys (proc(5)).
// Minimum kernel: 4.4; what came later is named where it is read, and older kernels
// are read in another way or leave a value unknown.
// Privilege: none for stat, status and limits; the right to look at a process
// (ptrace(2), "access mode checking") for the rest; CAP_SYS_ADMIN to enter a
// namespace.
//
// Errors: every error names its file. A parser wraps [ErrMalformed] if a text is
// not what the kernel writes. [ErrForeign] is returned where asking might take
// for ever. [ReasonOf] maps all errors to the reasons of a [model.Gap].
package proc
