// Package tracer reads the events of package trace from the kernel, through eBPF programs at its
// tracepoints (package bpf), and gives processes their display names.
//
// Kernel files read: /proc/PID/stat, cmdline and cgroup (proc(5)), only for a process that
// takes part in an event and did not exist when the trace began. The rest comes with the event.
//
// Minimum kernel: 5.15 with CONFIG_DEBUG_INFO_BTF, on amd64 or arm64. Privilege: CAP_BPF,
// CAP_PERFMON and CAP_SYS_PTRACE. Errors: an [*bpf.UnavailableError] says what is missing.
//
// The kernel removes the programs when the process ends, however it ends. Events for which
// there was no room in the buffer are counted: [Tracer.Lost].
package tracer
