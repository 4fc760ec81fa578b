package model

// ReasonInfo describes a [Reason] for `ipctop explain`.
type ReasonInfo struct {
	Name   Reason
	Doc    string // what it means
	Advice string // what can be done about it; "" if nothing
}

// Reasons lists the reasons of a [Gap].
func Reasons() []ReasonInfo {
	return []ReasonInfo{
		{
			Denied,
			"The kernel refused to show it (EACCES or EPERM): it belongs to another user, or a security module forbids it.",
			"Run ipctop with more privilege; ipctop doctor says which is missing and gives the command.",
		},
		{
			Vanished,
			"It ended while it was being read (ENOENT or ESRCH). On a busy machine a few of these are normal.",
			"Run ipctop again.",
		},
		{
			Unsupported,
			"This kernel or this set-up cannot tell: the interface is missing, not built in, or not reachable from here.",
			"ipctop doctor lists what this machine can show.",
		},
		{
			Malformed,
			"The kernel's text did not have the expected form. One bad line costs that line only.",
			"Report it as a bug, with the gap's path and detail.",
		},
		{
			Truncated,
			"There was more than could be read.",
			"",
		},
		{
			Timeout,
			"It took longer than the deadline, or it got stuck before and has been skipped since.",
			"Look at why the process or file system does not answer: that itself is a finding.",
		},
		{
			Other,
			"Another error; the gap's detail has its text.",
			"",
		},
	}
}
