// Package memory reads memory that processes share without a name on a file system,
// memfd and anonymous shared mappings, and how much of shared mappings is resident.
//
// Kernel files read: the links /proc/PID/{fd,map_files}/*, /proc/PID/pagemap.
// Minimum kernel: 4.4. Privilege: the right to look at a process (ptrace(2), "access
// mode checking"); CAP_CHECKPOINT_RESTORE to follow map_files.
//
// Errors: whatever cannot be read becomes a gap; what is not known stays absent.
package memory
