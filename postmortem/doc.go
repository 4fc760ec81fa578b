// Package postmortem describes the content of a core file, as text and as data, together
// with what a snapshot of the same time adds about that process.
//
// The package does no I/O: the caller has read the core (package corefile) and the
// snapshot. What is not known is absent, never zero.
package postmortem
