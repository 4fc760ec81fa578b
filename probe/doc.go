// Package probe makes a [model.Snapshot] of the machine: it defines what a
// probe is, runs the probes, and joins their results.
//
// A scan has phases. Read: one walk over all processes, in parallel, hands
// every process, thread, descriptor and shared mapping to the probes that ask
// for them, and the probes' own tables are read in every namespace. Join: records
// with the same [Key] become one object; nothing here knows what the keys
// mean. Complete: probes add what can only be queried when the holders are
// known.
//
// A scanner for repeated scans ([Options].Repeated) keeps directories and
// files of /proc open, and does not read again what cannot have changed because no
// thread of the process has run.
//
// Kernel files read: /proc/PID/{stat,status,schedstat,cmdline,exe,cgroup,ns/*,fd,task},
// /proc/stat, /proc/self/mountinfo, /proc/sys/kernel/random/boot_id.
// Minimum kernel: 4.4 for the walk; each probe says what it needs.
// Privilege: none for stat and status; CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH
// for the descriptors of other users' processes; CAP_SYS_ADMIN for other
// namespaces.
//
// Errors: whatever cannot be read becomes a [model.Gap]. [Scanner.Scan] fails
// only where there is no snapshot at all: an unreadable proc file system.
package probe
