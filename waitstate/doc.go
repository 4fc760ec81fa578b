// Package waitstate tells what each blocked thread is blocked on, and makes
// objects of the futexes that threads wait at.
//
// What a thread does in the kernel is in /proc/PID/task/TID/syscall: the call's
// number, its arguments, stack pointer and program counter. Whatever the
// arguments point to (the set of a poll, a futex) is read from the process's
// memory, but only from pages that are present: reading must not make the process
// any larger, and a page that is not there may be one for which a userfaultfd
// never answers.
//
// There are two samples of each thread, and all second ones are taken after all first
// ones. A wait is confirmed if the call and its arguments are the same in both and the
// thread has not run in between; so all confirmed waits held at one and the same instant.
// Descriptors are read again for the second sample.
//
// How long a thread has not run is the difference between the scheduler clock of the
// processor on which it last ran and the value of that clock at that time
// (/proc/PID/task/TID/{sched,stat}). To read the clock, ipctop runs on the processor for a
// moment; if it may not run there, the age is unknown.
//
// Calls of 32-bit programs have other numbers and arguments. They are recognised and
// decoded, except calls of the x32 ABI.
package waitstate
