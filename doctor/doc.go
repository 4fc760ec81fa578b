// Package doctor finds out what can be seen from where ipctop runs and what is
// missing: privilege, kernel, proc file system, mounts.
//
// Only ipctop itself is asked about, and only what a scan asks, too. The eBPF programs are
// loaded, and nothing is read by them.
//
// Kernel files read: /proc/self/{status,stat,fdinfo/*,ns/*,mountinfo,cgroup,maps},
// /proc/sys/kernel/yama/ptrace_scope. Minimum kernel: none; what a kernel lacks is
// what is reported. Privilege: none.
//
// Errors: an answer has three values. What could not be found out is reported as
// unknown, with the error as what was found.
package doctor
