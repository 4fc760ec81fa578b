package render

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
)

// ShowOptions say how text for people looks.
type ShowOptions struct {
	Escape func(string) string // makes text from processes safe to print; nil: as it is
	ASCII  bool                // this package writes no other characters
}

// Show writes everything that a snapshot, given by its index, contains about the matches,
// as text for people.
func Show(w io.Writer, index *model.Index, matches []query.Match, o ShowOptions) error {
	t := newShowText(o)
	t.view = NewView(index, &Options{Wide: true, ASCII: o.ASCII})
	for i, m := range matches {
		if i > 0 {
			t.line("")
		}
		if m.Process != nil {
			t.process(index, m.Process)
		} else {
			t.object(index, m.Object)
		}
	}
	_, err := w.Write(t.b.Bytes())
	return err
}

// showText is the state of writing text. All text from processes goes through esc.
type showText struct {
	b     bytes.Buffer
	esc   func(string) string
	arrow string // one way
	both  string // both ways
	view  *View  // for the columns of tables
}

func newShowText(o ShowOptions) *showText {
	t := &showText{esc: o.Escape, arrow: "→", both: "⇄"}
	if t.esc == nil {
		t.esc = func(s string) string { return s }
	}
	if o.ASCII {
		t.arrow, t.both = "->", "<->"
	}
	return t
}

func (t *showText) line(format string, args ...any) {
	fmt.Fprintf(&t.b, format+"\n", args...)
}

func (t *showText) heading(format string, args ...any) {
	t.line("")
	t.line(format, args...)
}

// who names a process; comm is its name if the snapshot has no record of it.
func (t *showText) who(x *model.Index, pid int, comm string) string {
	if p := x.Processes[pid]; p != nil {
		comm = p.Name()
	}
	return model.Named(t.esc(comm), pid)
}

// showFew joins names, of many only the first ones.
func showFew(names []string, limit int) string { return showFewBy(names, limit, ", ") }

// showFewBy is showFew with a separator. It adds the number of the names that are left out.
func showFewBy(names []string, limit int, separator string) string {
	if len(names) > limit {
		return strings.Join(names[:limit], separator) + fmt.Sprintf(" and %d more", len(names)-limit)
	}
	return strings.Join(names, separator)
}

// holderNames names the processes with a holder record that fits, each once.
func (t *showText) holderNames(x *model.Index, o *model.Object, fits func(*model.Holder) bool) []string {
	var names []string
	seen := map[int32]bool{}
	for i := range o.Holders {
		h := &o.Holders[i]
		if h.PID == 0 || seen[h.PID] || !fits(h) {
			continue
		}
		seen[h.PID] = true
		names = append(names, t.who(x, int(h.PID), h.Comm))
	}
	return names
}

func showAnyHolder(*model.Holder) bool { return true }

// ShowJSON writes a part of a snapshot, given by its index: first the records of the matches, then
// the related ones: a process's objects, an object's peers.
func ShowJSON(w io.Writer, x *model.Index, matches []query.Match) error {
	var processes []*model.Process
	var objects []*model.Object
	seen := map[*model.Object]bool{}
	add := func(o *model.Object) {
		if o != nil && !seen[o] {
			seen[o] = true
			objects = append(objects, o)
		}
	}
	s := x.Snapshot
	for _, m := range matches {
		if m.Process != nil {
			processes = append(processes, m.Process)
		} else {
			add(m.Object)
		}
	}
	for _, m := range matches {
		if m.Process != nil {
			for _, h := range showHeldBy(s, m.Process.PID) {
				add(h.object)
			}
			continue
		}
		for _, p := range m.Object.Peers {
			add(x.Object(p.ID))
		}
	}
	b := fmt.Appendf(nil, "{%q:%q,\n%q:[", "schema", model.Schema, "processes")
	b = showRecords(b, processes)
	b = fmt.Appendf(b, ",\n%q:[", "objects")
	b = showRecords(b, objects)
	_, err := w.Write(append(b, '}', '\n'))
	return err
}

// showRecords appends the elements of a list, one per line, and the end of the list.
func showRecords[T any](b []byte, list []*T) []byte {
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = model.AppendJSON(append(b, '\n'), v)
	}
	return append(b, ']')
}

// showHeld is an object with the holder records of one process.
type showHeld struct {
	object  *model.Object
	holders []*model.Holder
}

// showHeldBy lists the objects that a process holds.
func showHeldBy(s *model.Snapshot, pid int) []showHeld {
	var list []showHeld
	for i := range s.Objects {
		o := s.Objects[i]
		var own []*model.Holder
		for j := range o.Holders {
			if int(o.Holders[j].PID) == pid {
				own = append(own, &o.Holders[j])
			}
		}
		if own != nil {
			list = append(list, showHeld{o, own})
		}
	}
	return list
}
