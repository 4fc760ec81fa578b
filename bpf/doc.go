// Package bpf reads processes, descriptors and mappings from the kernel's own
// structures, by eBPF iterators (Documentation/bpf/bpf_iterators.rst): one read for the
// whole machine in place of some files of the proc file system for each process.
//
// What it reads is what the proc file system of the caller's pid namespace shows, and
// also what that file system refuses even to root. Its numbers are those of that
// namespace.
// A [Tracer] reports events while they happen, with programs at raw tracepoints
// (signal_generate, signal_deliver, mark_victim, sched_switch, sched_waking,
// sched_process_exit and those of timers and interrupts) and a ring buffer.
// sched_process_exit and those of timers and interrupts) and a ring buffer.
//
// # The programs
//
// The programs in programs/ are compiled ahead of time ("make bpf") and committed as
// *.bpf.o. They name fields, not offsets; the loader finds the offsets in the kernel's
// type information (/sys/kernel/btf/vmlinux). One object serves amd64 and arm64. The
// programs pass on records of fixed layout, little-endian, which the Go files with the
// same names parse.
//
// Pipes and event counters that are known already are looked at without an iterator, all at
// once ([Source.Changed]): ipctop passes their addresses and runs a program directly
// (BPF_PROG_TEST_RUN). In the same way it checks whether the tables of sockets have changed
// ([Source.SocketSum]), from Linux 6.1 on, for TCP from 6.17 on.
//
// # Kernel and privilege
//
// Linux 5.15 with CONFIG_DEBUG_INFO_BTF on amd64 or arm64; CAP_BPF and CAP_PERFMON in the
// initial user namespace to load the programs; and CAP_SYS_PTRACE: only with it may ipctop
// show what the proc file system would refuse to the user. If something is missing, [Open]
// returns an [UnavailableError] that names it; the caller then uses the proc file system.
// Mappings ([Source.Mappings]) need Linux 6.4 with CONFIG_PER_VMA_LOCK, which tells whether a
// mapping was changed while it was read.
//
// # Counting
//
// [Count] is separate from that: it counts what system calls carry through channels while it is open. It
// needs no iterator. If the kernel can run programs at the end of functions
// (DYNAMIC_FTRACE_WITH_DIRECT_CALLS: amd64, and arm64 from Linux 6.4 on) there is one at each function
// that carries data, as programs/functions.h lists them; otherwise one at the end of all system calls
// (sys_exit). Counting at functions also needs CAP_SYS_ADMIN, because only then does the kernel tell
// whether the programs are called. What io_uring does is counted at its tracepoint io_uring_complete from
// Linux 5.19 on.
//
// # Traces
//
// Processes that are observed do not notice: no lock of theirs is taken, and no
// descriptor is duplicated. A program holds a reference to the task or file that it
// looks at. What a [Tracer] attaches is detached when its descriptors are closed, so
// at the latest when the process ends.
package bpf
