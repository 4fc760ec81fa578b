package main

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/ipctop/ipctop/leak"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// runReport is what run says.
type runReport struct {
	Schema              string       `json:"schema"`
	Command             []string     `json:"command"`
	PID                 int          `json:"pid"`
	Began               time.Time    `json:"began"`
	Duration            int64        `json:"duration_ns"`
	Status              int          `json:"status"`
	Signal              string       `json:"signal,omitzero"`
	Isolated            bool         `json:"isolated"`
	Descendants         int          `json:"descendants"`
	DescendantsComplete bool         `json:"descendants_complete"`
	Left                []leak.Thing `json:"left"`
	Notes               []string     `json:"notes"`
}

// ended notes how the command ended.
func (r *runReport) ended(cmd *exec.Cmd) {
	r.PID, r.Duration, r.Status = cmd.ProcessState.Pid(), int64(time.Since(r.Began)), statusOf(cmd)
	if w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		r.Signal = model.SignalName(int(w.Signal()))
	}
}

// notes says what was not seen.
func (r *runReport) notes(before, after *names, snap *model.Snapshot) {
	r.Notes = []string{}
	add := func(s string) {
		if len(r.Notes) == 0 || r.Notes[len(r.Notes)-1] != s {
			r.Notes = append(r.Notes, s)
		}
	}
	if !r.DescendantsComplete {
		add("descendants that lived for less than some 10 ms may have been missed: only root is told of every fork")
	}
	for _, g := range append(before.gaps, after.gaps...) {
		add(g)
	}
	for _, g := range snap.Gaps {
		switch g.Probe {
		case string(model.SysvMsg), string(model.SysvSem), string(model.SysvShm), string(model.PosixMq), string(model.PosixShm):
			if g.PID == 0 && g.Object == "" {
				add(fmt.Sprintf("%s: %s", g.Probe, g.Detail))
			}
		}
	}
}

// fails reports whether something was left that --fail-on asks about.
func (r *runReport) fails(on string) bool {
	for i := range r.Left {
		if on == "leak" || on == "certain" && r.Left[i].Confidence == model.Certain {
			return true
		}
	}
	return false
}

func (c command) writeRun(r *runReport, o *runOptions) error {
	var w io.Writer = c.stderr
	if o.redirect != nil {
		w = o.redirect
	}
	var b []byte
	switch {
	case o.quiet:
		return nil
	case o.json:
		b = append(model.AppendJSON(nil, r), '\n')
	default:
		b = r.text()
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	if o.redirect != nil {
		return o.redirect.Close()
	}
	return nil
}

// runHeldMost is how many objects of a process are named.
const runHeldMost = 6

func (r *runReport) text() []byte {
	var b bytes.Buffer
	name := render.Escape(r.Command[0])
	if len(r.Left) == 0 {
		fmt.Fprintf(&b, "ipctop: %s(%d) left nothing behind (%d descendants)\n", name, r.PID, r.Descendants)
	} else {
		fmt.Fprintf(&b, "ipctop: %s(%d) left behind:\n", name, r.PID)
	}
	for i := range r.Left {
		thingText(&b, &r.Left[i])
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "ipctop: %s\n", render.Escape(n))
	}
	return b.Bytes()
}

func thingText(b *bytes.Buffer, t *leak.Thing) {
	what := string(t.Kind)
	switch {
	case t.Kind == leak.Process:
		what = fmt.Sprintf("process %s(%d)", render.Escape(t.Name), t.PID)
	case t.ID == "":
		what += " " + render.Escape(t.Name)
	default:
		what = render.Escape(t.ID)
		if t.Name != "" {
			what += " (" + render.Escape(t.Name) + ")"
		}
	}
	if n, ok := t.Size.Get(); ok && n > 0 {
		what += ", " + render.Size(n)
	}
	fmt.Fprintf(b, "  %-8s  %s: %s\n", t.Confidence, what, t.Why)
	if held := t.Holds; len(held) > 0 {
		more := ""
		if n := len(held) - runHeldMost; n > 0 {
			held, more = held[:runHeldMost], fmt.Sprintf(" and %d more", n)
		}
		fmt.Fprintf(b, "            holds %s%s\n", render.Escape(strings.Join(held, ", ")), more)
	}
	if len(t.Remove) > 0 {
		fmt.Fprintf(b, "            to remove it: %s\n", render.QuoteAll(t.Remove))
	}
}
