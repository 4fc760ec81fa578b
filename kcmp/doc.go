// Package kcmp asks the kernel whether two processes share something, and whether two
// descriptors are one open file description (kcmp(2)).
//
// Fork, dup(2) and SCM_RIGHTS make descriptors that share one open file description:
// one offset, one set of flags, one flock. The kernel does not list which ones do,
// but it compares two on request. As it also tells their order, n descriptors need n
// log n comparisons instead of n².
//
// Kernel files read: none; system calls only. Minimum kernel: 3.5 with CONFIG_KCMP
// (until 5.12 with CONFIG_CHECKPOINT_RESTORE), 4.13 for [WatchedBy].
// Privilege: the right to look at both processes (ptrace(2), "access mode checking").
// The pids must be those of ipctop's own pid namespace.
//
// Errors: the kernel's error numbers as they are. [Comparer] keeps those of
// descriptors that could not be compared.
package kcmp
