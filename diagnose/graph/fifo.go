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

// Opens is what a thread opens a FIFO to, waiting for the other end; "" if that is not known.
func Opens(w *model.Wait) model.Access {
	if w.Target == nil {
		return ""
	}
	return w.Target.Access
}

// otherEnd is the end of a FIFO that a thread waits for, as what is to be opened.
func otherEnd(w *model.Wait) string {
	switch Opens(w) {
	case model.Read:
		return "it to write"
	case model.Write:
		return "it to read"
	}
	return "the other end"
}

// NoPartner says which end of a FIFO nobody has, if a thread that opens it waits: it would go on at
// once if somebody had.
func NoPartner(w *model.Wait) string {
	switch Opens(w) {
	case model.Read:
		return "nobody has it open to write"
	case model.Write:
		return "nobody has it open to read"
	}
	return "nobody has the other end open"
}
