package live

import (
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// withThreads puts the threads of each process below it.
func withThreads(source []row) []row {
	rows := make([]row, 0, 2*len(source))
	for _, r := range source {
		rows = append(rows, r)
		if r.process == nil || len(r.process.ThreadList) < 2 {
			continue
		}
		for i := range r.process.ThreadList {
			rows = append(rows, row{process: r.process, thread: &r.process.ThreadList[i]})
		}
	}
	return rows
}

// toggleThreads shows or hides the threads of processes.
func (m *Model) toggleThreads() {
	if screens[m.screen].list != listProcesses {
		m.setMessage(Dim, "Threads are shown on screens 2 and 7.")
		return
	}
	m.threads = !m.threads
	m.arrange()
	if m.threads {
		m.setMessage(Normal, "Threads are shown (H: hide).")
	}
}

// togglePaths switches between the paths of programs and their names.
func (m *Model) togglePaths() {
	m.paths = !m.paths
	m.arrange()
	if m.paths {
		m.setMessage(Normal, "Full paths of programs (p: names).")
	}
}

// ofThread returns what a column shows in the row of a thread; false if it is the same as in
// the process's row.
func ofThread(name string, d *Data, r *row) (render.Cell, bool) {
	switch name {
	case "PID":
		return render.Cell{Text: model.PIDNumber(r.thread.TID)}, true
	case "S":
		return render.Cell{Text: render.Truncate(d.escape(r.thread.State), 1, "")}, true
	case "COMMAND":
		return render.Cell{Text: "  " + d.escape(r.thread.Comm), Role: render.Dim}, true
	case "WAITS FOR":
		if w := d.index.Waits[r.thread.TID]; w != nil {
			return waitCell(d, w), true
		}
	case "USER":
		return render.Cell{}, false
	}
	return render.Cell{}, true
}

// waitCell returns the cell for a wait; waits that are stuck are marked.
func waitCell(d *Data, w *model.Wait) render.Cell {
	if w.Idle || w.Needs == model.NeedsTime {
		return render.Cell{Text: waitText(d, w), Role: render.Dim}
	}
	return render.Cell{Text: "! " + waitText(d, w), Role: render.Notice}
}
