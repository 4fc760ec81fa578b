package graph

import "github.com/ipctop/ipctop/model"

// answer returns the clause of a thread for which the kernel has asked a program: a process
// that serves a file system (FUSE), that decides about opening files (fanotify) or about
// system calls (seccomp), or that provides pages (userfaultfd).
func (g *Graph) answer(w *model.Wait) Clause {
	c := Clause{Object: w.Object, Confidence: model.Certain, How: "serves the file system"}
	if w.Target == nil {
		c.weaken(External, "the program that is asked is not visible")
		return c
	}
	switch w.Target.Asked {
	case model.AskedFanotify:
		c.How = "decides about opening files (fanotify)"
	case model.AskedUserfaultfd:
		c.How = "provides the pages (userfaultfd)"
	case model.AskedSeccomp:
		c.How = "decides about system calls (seccomp)"
	}
	ended := false
	for _, pid := range w.Target.Servers {
		switch p := g.Processes[pid]; {
		case p == nil || dead(p.State):
		case g.gone[pid]:
			ended = true
		default:
			c.add(pid)
		}
	}
	if ended && len(c.Processes) == 0 {
		c.ended = processEnded // when the program has ended, the kernel answers in its place
		return c
	}
	if o := g.Object(w.Object); o != nil {
		g.incomplete(&c, o)
	}
	switch {
	case len(w.Objects) > 1:
		c.weaken(Unlikely, "the kernel does not show which of several groups or handlers is asked")
	case w.Target.Asked == model.AskedSeccomp && len(c.Processes) > 0:
		c.weaken(Unlikely, "the kernel does not show whose filter asks about the call")
	}
	if len(c.Processes) == 0 {
		because := "who serves the file system is not shown"
		if w.Target.Asked != "" {
			because = "the program that is asked is not visible"
		}
		c.weaken(External, because)
	}
	return c
}

// wantsAnswer says who is asked for what.
func wantsAnswer(w *model.Wait) string {
	t := w.Target
	if t == nil {
		return "waits for a file system's server to answer " + w.Call
	}
	text := "waits for a file system's server to answer " + w.Call
	switch {
	case t.Asked == model.AskedFanotify:
		text = "waits for permission (fanotify) in " + w.Call
	case t.Asked == model.AskedUserfaultfd:
		return "waits for a page of memory (userfaultfd) in " + w.Call
	case t.Asked == model.AskedSeccomp:
		text = "waits for permission (seccomp) in " + w.Call
	case t.FileSystem != "":
		text = "waits for the file system at " + t.FileSystem + " to answer " + w.Call
	}
	if t.Path != "" {
		text += " of " + t.Path
	}
	return text
}
