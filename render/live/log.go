package live

import (
	"slices"

	"github.com/ipctop/ipctop/render"
)

// maxLog is how many entries the log keeps.
const maxLog = 5000

// appendLog puts the entries of a new snapshot before the old ones: the newest
// is what one looks for.
func appendLog(log []entry, seq int, fresh []entry) ([]entry, int) {
	if len(fresh) == 0 {
		return log, seq
	}
	out := make([]entry, 0, min(len(log)+len(fresh), maxLog))
	for _, e := range slices.Backward(fresh) {
		seq++
		e.seq = seq
		out = append(out, e)
	}
	slices.Reverse(out)
	out = append(out, log...)
	return out[:min(len(out), maxLog)], seq
}

// logRows are the entries of the log, without the kinds of event that are left
// out.
func logRows(log []entry, without eventSet) []row {
	rows := make([]row, 0, len(log))
	for i := range log {
		if !without.has(log[i].event) {
			rows = append(rows, row{entry: &log[i]})
		}
	}
	return rows
}

// eventSet is a set of kinds of event.
type eventSet uint8

func (s eventSet) has(h happening) bool { return s&(1<<h) != 0 }

// toggleEvent leaves a kind of event out of the log, or brings it back: its sign is
// its key.
func (m *Model) toggleEvent(key string) bool {
	if m.screen != screenLog || len(m.pages) > 0 {
		return false
	}
	for i, h := range happenings {
		if h.sign[:1] != key {
			continue
		}
		t := m.table()
		t.wanted.without ^= 1 << i
		m.arrange()
		what := "Shows "
		if t.wanted.without.has(happening(i)) {
			what = "Leaves out "
		}
		m.say(Normal, what+"what "+h.phrase+" ("+key+" changes that).")
		return true
	}
	return false
}

var logColumns = []column{
	{
		name: "TIME",
		key:  func(_ *Data, _ *render.View, r *row) render.Key { return render.IntKey(r.entry.at.UnixNano()) },
		cell: func(d *Data, _ *render.View, r *row) render.Cell {
			return render.Cell{Text: d.clock(r.entry.at), Role: render.Dim}
		},
	},
	{name: "", cell: func(_ *Data, _ *render.View, r *row) render.Cell {
		cell := render.Cell{Text: happenings[r.entry.event].sign}
		switch r.entry.event {
		case vanished, released, resolved:
			cell.Role = render.Dim
		case found:
			cell.Role = render.Notice
		}
		return cell
	}},
	{name: "KIND", spare: true, cell: func(_ *Data, _ *render.View, r *row) render.Cell { return render.Cell{Text: r.entry.kind} }},
	{name: "WHAT", flex: true, cell: func(_ *Data, _ *render.View, r *row) render.Cell { return render.Cell{Text: r.entry.what} }},
	{name: "WHO", flex: true, spare: true, cell: func(_ *Data, _ *render.View, r *row) render.Cell { return render.Cell{Text: r.entry.who} }},
}
