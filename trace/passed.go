package trace

import "slices"

// Passed is what an event tells of descriptors that went from one process to another. The
// sender of those that were sent or received sent them; of one that was taken it is who took it,
// and the target whose it was.
type Passed struct {
	How    string `json:"passed" oneof:"sent received taken" doc:"by which side it was seen: sent or received over a UNIX socket (SCM_RIGHTS), taken by pidfd_getfd(2)"`
	Number int    `json:"descriptors" doc:"how many"`
	Given  []File `json:"files" doc:"what they are of, the first of them"`
	Via    string `json:"via" doc:"of what was sent or received: the id of the socket at the other end, where that is known"`

	Peeked bool `json:"-"` // it may be received again
}

// File is what a descriptor is of.
type File struct {
	Object string `json:"object,omitzero" doc:"the id of the object, where it has one"`
	Name   string `json:"name,omitzero" doc:"the last part of its path, or what the kernel calls what has none"`
}

// How descriptors were passed.
const (
	PassedSent     = "sent"
	PassedReceived = "received"
	PassedTaken    = "taken"
)

// maxPassed is how many messages are remembered of which one side alone was seen.
const maxPassed = 4096

// Passed takes an event of descriptors that were passed. Who sent and who received them is
// known when both have been seen, in whichever order.
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
	if sent == e || sent.pending { // it has not been told of yet
		sent.Target, sent.pending = target, false
	}
	if received == e || received.pending {
		received.Sender, received.Via, received.pending = sender, from, false
	}
}

// receiver is the id of the socket that descriptors came to.
func (e *Event) receiver() string {
	if e.How == PassedSent {
		return e.Via
	}
	return e.Object
}
