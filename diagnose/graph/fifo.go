package graph

import "github.com/ipctop/ipctop/model"

// wantsPartner says which FIFO a thread opens, and to do what.
func wantsPartner(o *model.Object, w *model.Wait) string {
	text := "opens a FIFO"
	switch {
	case o != nil && o.Path != "":
		text = "opens the FIFO " + o.Path
	case w.Target != nil && w.Target.Path != "":
		text = "opens the FIFO " + w.Target.Path
	}
	switch Opens(w) {
	case model.Read:
		return text + " to read"
	case model.Write:
		return text + " to write"
	}
	return text
}

// Opens returns the access for which a thread opens a FIFO while it waits for the other end; "" if it is not known.
func Opens(w *model.Wait) model.Access {
	if w.Target == nil {
		return ""
	}
	return w.Target.Access
}

// otherEnd names the end of a FIFO that somebody must open before the thread continues.
func otherEnd(w *model.Wait) string {
	switch Opens(w) {
	case model.Read:
		return "it to write"
	case model.Write:
		return "it to read"
	}
	return "the other end"
}

// NoPartner says which end of a FIFO nobody has open, for a thread that waits in open(2): if somebody
// had it open, the call would return at once.
func NoPartner(w *model.Wait) string {
	switch Opens(w) {
	case model.Read:
		return "nobody has it open to write"
	case model.Write:
		return "nobody has it open to read"
	}
	return "nobody has the other end open"
}
