package live

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// problem is a row of the first screen: a finding, something that is full, or
// something that could not be seen.
type problem struct {
	id       string
	severity model.Severity
	sure     string
	since    time.Time
	what     string // escaped
	object   *model.Object
	finding  *model.Finding
}

// problems are the findings, worst first, if somebody looked for any; else what
// is full, which needs no diagnosis. Then what could not be seen.
func problems(d *Data) []*problem {
	var list []*problem
	if d.Snap.Findings != nil {
		for i := range d.Snap.Findings {
			f := &d.Snap.Findings[i]
			p := &problem{
				id: f.ID, severity: f.Severity, sure: d.escape(string(f.Confidence)), since: f.Since, what: d.escape(f.Summary), finding: f,
			}
			for _, id := range f.Objects {
				if o := d.object(id); o != nil {
					p.object = o
					break
				}
			}
			list = append(list, p)
		}
		slices.SortStableFunc(list, func(a, b *problem) int { return a.severity.Rank() - b.severity.Rank() })
	} else {
		list = full(d)
		d.full = len(list)
	}
	return append(list, unseen(d)...)
}

// full lists the objects that take no more.
func full(d *Data) []*problem {
	var list []*problem
	for i := range d.Snap.Objects {
		o := &d.Snap.Objects[i]
		if fill, ok := o.Fill.Get(); !ok || fill < 1 {
			continue
		}
		what := d.escape(o.ID) + " is full"
		if o.Name != "" && !repeatsID(o) {
			what += ", " + d.escape(o.Name)
		}
		list = append(list, &problem{
			id: "full:" + o.ID, severity: model.Warning, sure: string(model.Certain), object: o, what: what + ": " + d.usual.Talk(o).Text,
		})
	}
	return list
}

// unseen lists what could not be seen: the hidden processes in one line, other
// gaps by what was attempted. What merely ended while it was read is left out.
func unseen(d *Data) []*problem {
	var list []*problem
	if text := hidden(d.Snap); text != "" {
		list = append(list, &problem{id: "gap:hidden", severity: model.Info, what: text})
	}
	type key struct {
		probe  string
		reason model.Reason
	}
	at := map[key]*problem{}
	counts := map[key]int{}
	for i := range d.Snap.Gaps {
		g := &d.Snap.Gaps[i]
		if g.Reason == model.Vanished || g.Reason == model.Denied && g.PID != 0 && d.Snap.Scan.ProcessesUnreadable > 0 {
			continue
		}
		k := key{g.Probe, g.Reason}
		counts[k] += max(g.Count, 1)
		if p := at[k]; p != nil {
			continue
		}
		what := d.escape(g.Probe) + ": " + d.escape(string(g.Reason))
		for _, part := range []string{g.Op, g.Path, g.Detail} {
			if part != "" {
				what += ", " + d.escape(part)
			}
		}
		at[k] = &problem{id: "gap:" + g.Probe + ":" + string(g.Reason), severity: model.Info, what: what}
		list = append(list, at[k])
	}
	for k, p := range at {
		if n := counts[k]; n > 1 {
			p.what += " (and " + strconv.Itoa(n-1) + " more)"
		}
	}
	return list
}

// hidden says how many processes could not be read, "" if all could.
func hidden(s *model.Snapshot) string {
	n := s.Scan.ProcessesUnreadable
	if n == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of %s hidden", n, plural(s.Scan.Processes, "process", "processes"))
	if s.Scan.EUID != 0 {
		text += ": use sudo"
	}
	return text
}

func severityRole(s model.Severity) Role {
	switch s {
	case model.Critical:
		return Critical
	case model.Warning:
		return Warn
	}
	return Normal
}

// plural is a number with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return strconv.Itoa(n) + " " + many
}

var problemColumns = []column{
	{
		name: "",
		key:  func(_ *Data, _ *render.View, r *row) render.Key { return render.IntKey(r.problem.severity.Rank()) },
		cell: func(_ *Data, _ *render.View, r *row) render.Cell {
			switch r.problem.severity {
			case model.Critical:
				return render.Cell{Text: "!!", Role: render.Alarm}
			case model.Warning:
				return render.Cell{Text: "!", Role: render.Notice}
			}
			return render.Cell{Text: "i", Role: render.Dim}
		},
	},
	{
		name: "SINCE", right: true, spare: true,
		key: func(_ *Data, _ *render.View, r *row) render.Key {
			if r.problem.since.IsZero() {
				return render.Key{}
			}
			return render.IntKey(r.problem.since.UnixNano())
		},
		cell: func(d *Data, _ *render.View, r *row) render.Cell {
			return render.Cell{Text: render.Age(d.Snap.Taken, r.problem.since)}
		},
	},
	{name: "SURE", spare: true, cell: func(_ *Data, _ *render.View, r *row) render.Cell { return render.Cell{Text: r.problem.sure} }},
	{name: "WHAT", flex: true, cell: func(_ *Data, _ *render.View, r *row) render.Cell { return render.Cell{Text: r.problem.what} }},
}
