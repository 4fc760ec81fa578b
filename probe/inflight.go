package probe

import "github.com/ipctop/ipctop/model"

// A descriptor that was sent to a UNIX socket and not yet received is in no descriptor
// table (SCM_RIGHTS, unix(7)). The kernel tells how many such descriptors a socket's
// queue has, but not what they are. While there are any, an end of an object that no
// process shows may be one of them.

// noteInFlight looks whether some socket has descriptors in its queue.
func (idx *Index) noteInFlight() {
	j := idx.joined
	for _, list := range [][]*Entry{j.made, j.touched} {
		for _, e := range list {
			queued := false
			if !e.removed && e.listed() && e.Object.Kind == model.Unix {
				d, ok := e.Object.Detail.(*model.UnixDetail)
				queued = ok && d.InflightFDs.Or(0) > 0
			}
			if queued {
				j.queues[e] = true
			} else if len(j.queues) > 0 {
				delete(j.queues, e)
			}
		}
	}
	idx.inFlight = len(j.queues) > 0
}

// lacksEnd reports whether an object has an end that no process shows.
func (e *Entry) lacksEnd() bool {
	switch e.Object.Kind {
	case model.Pipe, model.FIFO:
	default:
		return len(e.Holders) == 0
	}
	read, write := false, false
	for i := range e.Holders {
		a := e.Holders[i].Access
		read, write = read || a == "" || a.CanRead(), write || a == "" || a.CanWrite()
	}
	return !read || !write
}

// UnknownHolders says that some process holds objects that cannot be identified. Then
// no object's list of holders is complete.
func (idx *Index) UnknownHolders() { idx.hidden = true }
