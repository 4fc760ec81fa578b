package diagnose

import (
	"fmt"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
)

var noReaderRule = Rule{
	ID:       "no-reader",
	Title:    "pipe that nobody can read",
	Severity: model.Info,
	Means: "A process holds the write end of a pipe or FIFO that has no reader any more. The next write to it ends the process with SIGPIPE, or fails " +
		"with EPIPE if it ignores that.",
	Evidence: "The holders of the pipe: there is a write end among them, and no read end. With eBPF also the kernel's own count of read ends, which includes ends that are in flight " +
		"or hidden.",
	Do: "If the output matters, restart the program with a reader. If not, ignore it.",
	FalseAlarm: "A program may keep a write end that it never uses, and some programs wait for the reader to close its end (poll reports that at once). If holders are " +
		"hidden and there is no eBPF, the reader may be one of them: then the finding is possible at most, and only root outside of containers gets it.",
	find: findNoReader,
}

func findNoReader(v *view) []finding {
	var list []finding
	for _, o := range v.graph.Marked(graph.Unread) {
		writers := holders(o, func(h *model.Holder) bool { return h.Access.CanWrite() })
		confidence, lowered := v.absence(o)
		evidence := []model.Evidence{v.holding(o.ID)}
		if d, ok := o.Detail.(*model.PipeDetail); ok && d.Readers.Known() {
			if d.Readers.Or(0) > 0 {
				continue
			}
			confidence, lowered = model.Certain, nil
			evidence = append(evidence, model.Evidence{Source: "eBPF", Text: "the kernel counts no read end"})
		}
		if confidence != model.Certain && (v.Scan.EUID != 0 || v.graph.Unlisted()) {
			continue // mostly the readers belong to other users, or are outside the container
		}
		list = append(list, finding{Finding: model.Finding{
			Confidence: confidence, LoweredBy: lowered, Objects: []string{o.ID}, Victims: writers,
			Summary:  fmt.Sprintf("%s can write to %s, and nobody reads it", v.subject(writers), v.graph.Label(o.ID)),
			Evidence: evidence,
		}})
	}
	return list
}
