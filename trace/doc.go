// Package trace defines the events that ipctop trace reports, joins the sending of a signal
// and its delivery into one event, and filters events.
//
// It reads nothing: package trace/tracer gets the records from the kernel. So events can be
// made, joined and filtered in tests and on any system. No event has the contents of messages
// or files. Of a signal it has the value that the sender queued with it (sigqueue(3)).
package trace
