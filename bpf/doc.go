// Package bpf reads processes, descriptors and mappings from the kernel's own
// structures, by eBPF iterators (Documentation/bpf/bpf_iterators.rst): one read for the
// whole machine in place of some files of the proc file system for each process.
//
// What it reads is what the proc file system of the caller's pid namespace shows, plus
// what that refuses even to root. Its numbers are those of that namespace.
//
// A [Tracer] tells of events while they happen, by programs at raw tracepoints
// (signal_generate, signal_deliver, mark_victim, sched_switch, sched_waking,
// sched_process_exit and those of timers and interrupts) and a ring buffer.
//
// # The programs
//
// Those in programs/ are compiled ahead of time ("make bpf") and committed as *.bpf.o.
// They name fields, not offsets; the loader finds out by the kernel's type
// information (/sys/kernel/btf/vmlinux) where these are. One object serves amd64 and
// arm64. What the programs hand over are records of fixed layout, little-endian, that
// the Go files of the same names here take apart.
//
// Pipes and event counters that are known already are looked at without an iterator, all at
// once ([Source.Changed]): ipctop hands over where they are and runs a program by hand
// (BPF_PROG_TEST_RUN). So is whether the tables of sockets are as they were
// ([Source.SocketSum]), from Linux 6.1 on, of TCP from 6.17 on.
//
// # Kernel and privilege
//
// Linux 5.15 with CONFIG_DEBUG_INFO_BTF on amd64 or arm64; CAP_BPF and CAP_PERFMON in the
// initial user namespace to load the programs; and CAP_SYS_PTRACE, without which ipctop
// does not show a user what the proc file system would refuse to that user. [Open] says
// with an [UnavailableError] which of this is missing; the caller then uses the proc
// file system. Mappings ([Source.Mappings]) take Linux 6.4 with CONFIG_PER_VMA_LOCK, by which
// it can be told whether somebody changed them while they were read.
//
// # Counting
//
// [Count] is apart from that: it counts what system calls carry through channels while it
// is open. It needs no iterator. Where the kernel can run programs at the end of functions
// (DYNAMIC_FTRACE_WITH_DIRECT_CALLS: amd64, and arm64 from Linux 6.4 on) there is one at each function
// that carries data, as programs/functions.h lists them; otherwise one at the end of all system
// calls (sys_exit). To count at functions takes CAP_SYS_ADMIN as well, with which the kernel tells whether
// they are called. What io_uring does is counted at its tracepoint io_uring_complete from Linux 5.19 on.
//
// # Traces
//
// Nothing that is observed notices: no lock of its own is taken, no duplicate of a
// descriptor made. A program holds a reference to the task or file that it looks at.
// What a [Tracer] attaches ends with its descriptors, and so with the process.
package bpf
