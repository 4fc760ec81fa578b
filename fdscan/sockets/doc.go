// Package sockets reads sockets of all families, who holds them and who their peers
// are. It duplicates no socket: the kernel's tables have this information.
//
// Kernel files read: the sock_diag(7) tables; where they are missing,
// /proc/PID/net/{unix,tcp,tcp6,udp,udp6,raw,raw6,icmp,icmp6,netlink,packet}; the links
// /proc/PID/fd/N and /proc/PID/fdinfo/N. Minimum kernel: 4.4.
// Privilege: none for the tables of ipctop's own network namespace, CAP_SYS_ADMIN for
// others'; the right to look at a process for its descriptors (ptrace(2)).
//
// Errors: whatever cannot be read becomes a gap; what is not known stays absent.
package sockets
