package live

import (
	"strconv"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// waitOf returns the wait that a process's row shows: of its threads' waits the one that is
// not idle and has lasted longest. False if no thread waits.
func waitOf(d *Data, pid int) (*model.Wait, bool) {
	var best *model.Wait
	for _, w := range d.index.WaitsOf[pid] {
		if best == nil || best.Idle && !w.Idle || best.Idle == w.Idle && w.BlockedFor.Or(0) > best.BlockedFor.Or(0) {
			best = w
		}
	}
	return best, best != nil
}

// waitText describes a wait in a few words: write pipe:88213 3m12 → pager(4188).
func waitText(d *Data, w *model.Wait) string {
	if w.Idle {
		return "idle"
	}
	s := d.escape(w.Call)
	switch {
	case w.Object != "":
		s += " " + d.escape(w.Object)
	case len(w.Objects) > 0:
		s += " " + render.Counted(len(w.Objects), "object", "objects")
	case w.Target != nil && w.Target.Path != "":
		s += " " + d.escape(w.Target.Path)
	}
	if ns, ok := w.BlockedFor.Get(); ok {
		s += " " + render.Duration(time.Duration(ns))
	}
	if n := len(w.Blockers); n > 0 {
		s += " " + d.waitsFor() + " " + d.who(w.Blockers[0].PID, w.Blockers[0].Comm)
		if n > 1 {
			s += " +" + strconv.Itoa(n-1)
		}
	}
	return s
}

// waitsFor returns the sign for "waits for".
func (d *Data) waitsFor() string {
	if d.compactView.ASCII {
		return "->"
	}
	return "→"
}

var waitColumn = column{
	name: "WAITS FOR", flex: true, quiet: true,
	key: func(d *Data, _ *render.View, r *row) render.Key {
		w, ok := waitOf(d, r.process.PID)
		switch {
		case !ok:
			return render.Key{}
		case w.Idle:
			return render.IntKey(1) // idle ones come after those that are stuck
		}
		return render.IntKey(-w.BlockedFor.Or(0)) // the column sorts ascending like text, so that the longest wait comes first
	},
	cell: func(d *Data, _ *render.View, r *row) render.Cell {
		w, ok := waitOf(d, r.process.PID)
		halt := halted(r.process)
		switch {
		case halt == "traced" && r.process.Tracer != 0:
			return render.Cell{Text: "traced by " + d.who(r.process.Tracer, ""), Role: render.Notice}
		case halt != "":
			return render.Cell{Text: halt, Role: render.Notice}
		case !ok:
			return render.Cell{}
		}
		return waitCell(d, w)
	},
}

// waitLines draws what each thread of a process waits for.
func waitLines(d *Data, pid, limit int) []Line {
	var lines []Line
	for _, w := range d.index.WaitsOf[pid] {
		if len(lines) >= limit {
			break
		}
		l := text(KeyName, " "+d.waitsFor()+" ")
		if w.TID != w.PID {
			l.add(Dim, "thread "+model.PIDNumber(w.TID)+" ")
		}
		if w.Idle {
			l.add(Dim, "idle in "+d.escape(w.Call))
			lines = append(lines, l)
			continue
		}
		l.add(Normal, waitText(d, w))
		if len(w.Blockers) > 0 {
			l.add(Dim, " "+d.escape(w.Blockers[0].Why))
		}
		lines = append(lines, l)
	}
	return lines
}
