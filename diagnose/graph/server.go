package graph

import "github.com/ipctop/ipctop/model"

// answer is who could answer a thread that has asked a file system something: the
// processes that serve it (FUSE).
func (g *Graph) answer(w *model.Wait) Clause {
	c := Clause{Confidence: model.Certain, How: "serves the file system"}
	if w.Target != nil {
		for _, pid := range w.Target.Servers {
			if p := g.Processes[pid]; p != nil && !dead(p.State) {
				c.add(pid)
			}
		}
	}
	if len(c.Processes) == 0 {
		c.weaken(External, "who serves the file system is not shown")
	}
	return c
}

// wantsAnswer says what is asked of which file system.
func wantsAnswer(w *model.Wait) string {
	text := "waits for a file system's server to answer " + w.Call
	if t := w.Target; t != nil {
		if t.FileSystem != "" {
			text = "waits for the file system at " + t.FileSystem + " to answer " + w.Call
		}
		if t.Path != "" {
			text += " of " + t.Path
		}
	}
	return text
}
