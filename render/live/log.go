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

func logRows(log []entry) []row {
	rows := make([]row, len(log))
	for i := range log {
		rows[i] = row{entry: &log[i]}
	}
	return rows
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
