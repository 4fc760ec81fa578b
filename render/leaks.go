package render

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ipctop/ipctop/leak"
)

// leakHeldMost is the largest number of a process's objects that are named.
const leakHeldMost = 6

// Leaks returns a report about what a command left behind as text.
func Leaks(r *leak.Report) []byte {
	var b bytes.Buffer
	name := Escape(r.Command[0])
	if len(r.Left) == 0 {
		fmt.Fprintf(&b, "ipctop: %s(%d) left nothing behind (%d descendants)\n", name, r.PID, r.Descendants)
	} else {
		fmt.Fprintf(&b, "ipctop: %s(%d) left behind:\n", name, r.PID)
	}
	for i := range r.Left {
		writeLeak(&b, &r.Left[i])
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "ipctop: %s\n", Escape(n))
	}
	return b.Bytes()
}

func writeLeak(b *bytes.Buffer, l *leak.Leak) {
	what := string(l.Kind)
	switch {
	case l.Kind == leak.Process:
		what = fmt.Sprintf("process %s(%d)", Escape(l.Name), l.PID)
	case l.ID == "":
		what += " " + Escape(l.Name)
	default:
		what = Escape(l.ID)
		if l.Name != "" {
			what += " (" + Escape(l.Name) + ")"
		}
	}
	if n, ok := l.Size.Get(); ok && n > 0 {
		what += ", " + Size(n)
	}
	fmt.Fprintf(b, "  %-8s  %s: %s\n", l.Confidence, what, l.Why)
	if held := l.Holds; len(held) > 0 {
		more := ""
		if n := len(held) - leakHeldMost; n > 0 {
			held, more = held[:leakHeldMost], fmt.Sprintf(" and %d more", n)
		}
		fmt.Fprintf(b, "            holds %s%s\n", Escape(strings.Join(held, ", ")), more)
	}
	if len(l.Remove) > 0 {
		fmt.Fprintf(b, "            to remove it: %s\n", QuoteAll(l.Remove))
	}
}
