// Package trace knows the events that ipctop trace tells of: what they are, how a signal
// that was sent and what its target did at it become one event, and which are asked for.
//
// It reads nothing: what the kernel tells comes from package trace/tracer, so that events
// can be made, joined and filtered in tests and on any system. Contents of messages and
// files are in no event; of a signal the value is that its sender queued with it
// (sigqueue(3)).
package trace
