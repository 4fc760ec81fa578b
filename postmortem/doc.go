// Package postmortem says what a core file tells, as a text and as data, together
// with what a snapshot of the same time adds about that process.
//
// There is no operating system in this package: the core (package corefile) and the
// snapshot have been read by the caller. What is not known is absent, never zero.
package postmortem
