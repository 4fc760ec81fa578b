// Package doctor finds out what can be seen from where ipctop runs and what is
// missing: privilege, kernel, proc file system, mounts.
//
// It asks only about ipctop itself, and only what a scan asks, too. The eBPF programs are
// loaded, but read nothing.
//
// Kernel files read: /proc/self/{status,stat,fdinfo/*,ns/*,mountinfo,cgroup,maps},
// /proc/sys/kernel/yama/ptrace_scope. Minimum kernel: none; what a kernel lacks is
// what is reported. Privilege: none.
//
// Errors: an answer has three values. If a check fails, its answer is unknown, with the
// error as the result.
package doctor
