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
// There are two samples, and every second one is taken after all first ones. A wait is
// confirmed when the call and its arguments are the same in both and the thread
// has not run in between; so all confirmed waits held at one and the same instant.
// Descriptors are read again for the second sample.
//
// How long a thread has not run is the difference between the clock of the processor
// on which it last ran and what that showed then (/proc/PID/task/TID/{sched,stat}).
// To read that clock ipctop runs on the processor for a moment; of one where it may
// not, the age is unknown.
//
// Calls of 32-bit programs have other numbers and arguments. Those are recognised
// and not decoded.
package waitstate
