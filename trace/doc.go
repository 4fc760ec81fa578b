// Package trace defines the events that ipctop trace reports, filters them, and joins two
// events that belong together, such as the sending and the delivery of a signal.
//
// It reads nothing: package trace/tracer gets the records from the kernel. So events can be
// made, joined and filtered in tests and on any system. No event has the contents of messages
// or files. Of a signal it has the value that the sender queued with it (sigqueue(3)).
package trace
