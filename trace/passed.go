package trace

import "slices"

// Passed describes descriptors that went from one process to another. If they were sent or received, the
// event's sender sent them. If one was taken (pidfd_getfd(2)), the sender took it and the target owned it.
type Passed struct {
	How    string `json:"passed" oneof:"sent received taken" doc:"by which side it was seen: sent or received over a UNIX socket (SCM_RIGHTS), taken by pidfd_getfd(2)"`
	Number int    `json:"descriptors" doc:"how many"`
	Given  []File `json:"files" doc:"what the first of them refer to"`
	Via    string `json:"via" doc:"of what was sent or received: the id of the socket at the other end, where that is known"`

	Peeked bool `json:"-"` // it may be received again (MSG_PEEK)
}

// File describes a file, or another object, that a process has open or leaves behind.
type File struct {
	Object string `json:"object,omitzero" doc:"the id of the object, where it has one"`
	Name   string `json:"name,omitzero" doc:"last component of its path, or the kernel's name for a file without a path"`
}

// How descriptors were passed.
const (
	PassedSent     = "sent"
	PassedReceived = "received"
	PassedTaken    = "taken"
)

// maxPassed limits how many messages are remembered while only one side was seen.
const maxPassed = 4096

// Passed adds an event of passed descriptors. Sender and receiver are known once both
// events were seen, in either order.
func (j *Joiner) Passed(e *Event) {
	j.Add(e)
	to := e.receiver()
	if to == "" || e.How == PassedTaken || e.Peeked {
		return
	}
	i := slices.IndexFunc(j.passed, func(o *Event) bool {
		return o.How != e.How && o.receiver() == to && o.Number == e.Number && slices.Equal(o.Given, e.Given)
	})
	if i < 0 {
		e.pending = true
		if j.passed = append(j.passed, e); len(j.passed) > maxPassed {
			j.passed = slices.Delete(j.passed, 0, 1)
		}
		return
	}
	other := j.passed[i]
	j.passed = slices.Delete(j.passed, i, i+1)
	sent, received := e, other
	if e.How == PassedReceived {
		sent, received = other, e
	}
	sender, target, from := sent.Sender, received.Target, sent.Object
	if sent == e || sent.pending { // not reported yet
		sent.Target, sent.pending = target, false
	}
	if received == e || received.pending {
		received.Sender, received.Via, received.pending = sender, from, false
	}
}

// receiver is the id of the socket that received the descriptors.
func (e *Event) receiver() string {
	if e.How == PassedSent {
		return e.Via
	}
	return e.Object
}
