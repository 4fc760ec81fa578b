package render

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/route"
)

// Route writes the way from one process to another: each process on a line, and between
// two of them the object through which they communicate, with an arrow for the direction
// in which data can flow.
func Route(w io.Writer, index *model.Index, steps []route.Step, o ShowOptions) error {
	t := newShowText(o)
	v := NewView(index, &Options{Wide: true, ASCII: o.ASCII})
	back := "←"
	if o.ASCII {
		back = "<-"
	}
	for i, step := range steps {
		if i == 0 {
			t.line("%s", v.process(step.From))
		}
		arrow := t.both
		switch {
		case !step.Back:
			arrow = t.arrow
		case !step.Forth:
			arrow = back
		}
		o := v.endOf(index.Object(step.Link.Object), step.From)
		line := "  " + arrow + " " + t.esc(cmp.Or(o.ID, step.Link.Object))
		if name := v.channelName(o); name != "" {
			line += "  " + name
		}
		t.line("%s", line)
		t.line("%s", v.process(step.To))
	}
	_, err := w.Write(t.b.Bytes())
	return err
}

// endOf returns the end of a channel that a process holds. For two connected sockets, the
// link names the one whose id sorts first, no matter who holds it.
func (v *View) endOf(o *model.Object, pid int) *model.Object {
	if o == nil {
		return new(model.Object)
	}
	has := func(o *model.Object) bool {
		return slices.ContainsFunc(o.Holders, func(h model.Holder) bool { return int(h.PID) == pid })
	}
	if !has(o) {
		for _, p := range o.Peers {
			if peer := v.index.Object(p.ID); peer != nil && has(peer) {
				return peer
			}
		}
	}
	return o
}

// channelName returns the name of an object, or of the one at its other end: a client's
// socket has no name, but its server's has one. It is empty if neither has a name.
func (v *View) channelName(o *model.Object) string {
	if o.Name != "" || o.Path != "" {
		return v.ObjectName(o)
	}
	for _, p := range o.Peers {
		if peer := v.index.Object(p.ID); peer != nil && (peer.Name != "" || peer.Path != "") {
			return v.ObjectName(peer)
		}
	}
	return ""
}

// RouteJSON writes the same as JSON.
func RouteJSON(w io.Writer, s *model.Snapshot, steps []route.Step) error {
	type party struct {
		PID  int    `json:"pid"`
		Comm string `json:"comm"`
	}
	type step struct {
		From   party      `json:"from"`
		To     party      `json:"to"`
		Object string     `json:"object"`
		Kind   model.Kind `json:"kind"`
		Forth  bool       `json:"forth"`
		Back   bool       `json:"back"`
	}
	doc := struct {
		Schema string    `json:"schema"`
		Taken  time.Time `json:"taken"`
		Steps  []step    `json:"steps"`
	}{s.Schema, s.Taken, []step{}}
	who := func(pid int) party {
		if p := s.Process(pid); p != nil {
			return party{pid, p.Name()}
		}
		return party{PID: pid}
	}
	for _, x := range steps {
		doc.Steps = append(doc.Steps, step{who(x.From), who(x.To), x.Link.Object, x.Link.Kind, x.Forth, x.Back})
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}
