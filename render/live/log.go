package live

import "github.com/ipctop/ipctop/render"

// maxLog is the largest number of entries in the log.
const maxLog = 5000

// maxTraced is the largest number of traced events in the log: a storm of signals must not
// push everything else out.
const maxTraced = 2000

// addToLog inserts entries at the top of the log, which begins with the newest one, as users
// expect. Traced events are inserted by their time.
func (m *Model) addToLog(fresh []entry) {
	if len(fresh) == 0 {
		return
	}
	out := make([]entry, 0, min(len(m.log)+len(fresh), maxLog))
	events := 0
	add := func(e *entry) {
		if e.event == traced {
			if events++; events > maxTraced {
				return
			}
		}
		if len(out) < maxLog {
			out = append(out, *e)
		}
	}
	old := m.log
	for i := range fresh {
		e := &fresh[i]
		for len(old) > 0 && old[0].at.After(e.at) && (e.event == traced || old[0].event == traced) {
			add(&old[0])
			old = old[1:]
		}
		numbered := *e
		numbered.seq = m.logSeq + len(fresh) - i
		add(&numbered)
	}
	for i := range old {
		add(&old[i])
	}
	m.log, m.logSeq = out, m.logSeq+len(fresh)
}

// logRows returns the entries of the log, without the kinds of event that are left out.
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

// toggleEvent hides a kind of event in the log, or shows it again: its sign is also its
// key.
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
		m.setMessage(Normal, what+"what "+h.phrase+" ("+key+" changes that).")
		return true
	}
	return false
}

var logColumns = []column{
	{
		name: "TIME",
		key:  func(_ *Data, _ *render.View, r *row) render.Key { return render.IntKey(r.entry.at.UnixNano()) },
		cell: func(d *Data, _ *render.View, r *row) render.Cell {
			text := d.clock(r.entry.at)
			if r.entry.event == traced {
				text = d.local(r.entry.at).Format(render.TraceClock)
			}
			return render.Cell{Text: text, Role: render.Dim}
		},
	},
	{name: "", cell: func(_ *Data, _ *render.View, r *row) render.Cell {
		cell := render.Cell{Text: happenings[r.entry.event].sign}
		switch r.entry.event {
		case vanished, released, resolved, traced:
			cell.Role = render.Dim
		case found:
			cell.Role = render.Notice
		}
		return cell
	}},
	{name: "KIND", spare: true, cell: func(_ *Data, _ *render.View, r *row) render.Cell { return render.Cell{Text: r.entry.kind} }},
	{name: "WHAT", flex: true, runsOn: true, cell: func(_ *Data, _ *render.View, r *row) render.Cell { return render.Cell{Text: r.entry.what} }},
	{name: "WHO", flex: true, spare: true, cell: func(_ *Data, _ *render.View, r *row) render.Cell { return render.Cell{Text: r.entry.who} }},
}
