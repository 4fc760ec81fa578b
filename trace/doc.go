// Package trace knows the events that ipctop trace tells of: what they are, how a signal
// that was sent and what its target did at it become one event, and which are asked for.
//
// It reads nothing: package trace/tracer gets the records from the kernel. So events can be
// made, joined and filtered in tests and on any system. No event has the contents of messages
// or files. Of a signal it has the value that the sender queued with it (sigqueue(3)).
package trace
