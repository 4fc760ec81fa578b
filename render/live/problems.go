package live

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// problem is a row of the overview: a finding, a full object, something that could not be
// read; or the heading of a group of them, or several problems of one rule folded into
// one.
type problem struct {
	id       string
	group    diagnose.Group
	severity model.Severity
	rule     string // its ID
	name     string // escaped
	since    time.Time
	what     string // escaped
	object   *model.Object
	finding  *model.Finding

	heading bool // of a group
	folded  int  // how many problems this row stands for; 0: only itself
}

// foldAbove is the largest number of problems of one rule that have rows of their own; more
// are folded into one row.
const foldAbove = 3

// problems returns the findings, worst first, if there was a diagnosis; else the full
// objects, which need no diagnosis. After them comes what could not be read.
func problems(d *Data) []*problem {
	var list []*problem
	if d.Snap.Findings != nil {
		for i := range d.Snap.Findings {
			f := &d.Snap.Findings[i]
			p := &problem{
				id: f.ID, group: diagnose.GroupOf(f), severity: f.Severity, rule: f.Rule, name: d.escape(diagnose.RuleName(f.Rule)), since: f.Since, what: d.escape(f.Summary), finding: f,
			}
			for _, id := range f.Objects {
				if o := d.object(id); o != nil {
					p.object = o
					break
				}
			}
			list = append(list, p)
		}
	} else {
		list = full(d)
		d.full = len(list)
	}
	list = append(list, unread(d)...)
	slices.SortStableFunc(list, func(a, b *problem) int {
		if a.group != b.group {
			return int(a.group) - int(b.group)
		}
		return a.severity.Rank() - b.severity.Rank()
	})
	return list
}

// full lists the full objects.
func full(d *Data) []*problem {
	var list []*problem
	for i := range d.Snap.Objects {
		o := d.Snap.Objects[i]
		if fill, ok := o.Fill.Get(); !ok || fill < 1 {
			continue
		}
		list = append(list, &problem{
			id: "full:" + o.ID, group: diagnose.Limits, severity: model.Warning, rule: "full", name: "full", object: o,
			what: d.compactView.ObjectName(o) + " is full: " + d.compactView.Talk(o).Text,
		})
	}
	return list
}

// unread lists what could not be read, by probe and reason. Hidden processes are left out,
// because the header counts them; so are things that disappeared while they were read.
func unread(d *Data) []*problem {
	type key struct {
		probe  string
		reason model.Reason
	}
	var list []*problem
	at := map[key]*problem{}
	counts := map[key]int{}
	for i := range d.Snap.Gaps {
		g := &d.Snap.Gaps[i]
		if g.Inherent() || g.Reason == model.Vanished || g.Reason == model.Denied && g.PID != 0 {
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
		at[k] = &problem{id: "gap:" + g.Probe + ":" + string(g.Reason), group: diagnose.Notes, severity: model.Info, rule: "not read", name: "not read", what: what}
		list = append(list, at[k])
	}
	for k, p := range at {
		if n := counts[k]; n > 1 {
			p.what += " (and " + strconv.Itoa(n-1) + " more)"
		}
	}
	return list
}

// problemRows returns the problems as rows, in groups under headings. Many problems of one
// rule are folded, unless open names the rule or everything.
func problemRows(d *Data, open string) []row {
	var rows []row
	for i := 0; i < len(d.problems); {
		p := d.problems[i]
		if i == 0 || d.problems[i-1].group != p.group {
			rows = append(rows, row{problem: &problem{id: "group:" + p.group.String(), group: p.group, severity: model.Info, heading: true, what: p.group.String()}})
		}
		group := d.problems[i:]
		group = group[:runOf(group)]
		for _, same := range byRule(group) {
			if len(same) > foldAbove && open != everything && open != same[0].rule {
				first := *same[0]
				first.id, first.folded = foldPrefix+first.rule, len(same)
				rows = append(rows, row{problem: &first})
				continue
			}
			for _, p := range same {
				rows = append(rows, row{problem: p})
			}
		}
		i += len(group)
	}
	return rows
}

const (
	foldPrefix = "fold:"
	everything = "*" // unfolds all rules
)

// runOf returns how many problems at the beginning of the list are in the same group.
func runOf(list []*problem) int {
	n := slices.IndexFunc(list, func(p *problem) bool { return p.group != list[0].group })
	if n < 0 {
		return len(list)
	}
	return n
}

// byRule groups the problems of one rule and severity, at the place of the first of them.
func byRule(list []*problem) [][]*problem {
	type key struct {
		rule     string
		severity model.Severity
	}
	at := map[key]int{}
	var out [][]*problem
	for _, p := range list {
		k := key{p.rule, p.severity}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], p)
	}
	return out
}

// picture draws a problem in width cells.
func (p *problem) picture(d *Data, width int) []render.Cell {
	if p.heading {
		return []render.Cell{{Text: render.Truncate(p.what, width, ""), Role: render.Heading}}
	}
	var lead []render.Cell
	if p.folded > 0 {
		lead = []render.Cell{{Text: strconv.Itoa(p.folded) + " of them, such as ", Role: render.Notice}}
		width -= render.Width(lead[0].Text)
	}
	if p.finding != nil && width > 0 {
		return append(lead, d.compactView.Chain(p.finding, width)...)
	}
	return append(lead, render.Cell{Text: p.what})
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

// unlimited is a width at which nothing is cut.
const unlimited = 1 << 20

var problemColumns = []column{
	{
		name: "",
		key:  func(_ *Data, _ *render.View, r *row) render.Key { return render.IntKey(r.problem.severity.Rank()) },
		cell: func(_ *Data, _ *render.View, r *row) render.Cell {
			switch {
			case r.problem.heading:
				return render.Cell{}
			case r.problem.severity == model.Critical:
				return render.Cell{Text: "!!", Role: render.Alarm}
			case r.problem.severity == model.Warning:
				return render.Cell{Text: "!", Role: render.Notice}
			}
			return render.Cell{Text: "i", Role: render.Dim}
		},
	},
	{
		name: "AGE", right: true, quiet: true,
		key: func(_ *Data, _ *render.View, r *row) render.Key {
			if r.problem.since.IsZero() {
				return render.Key{}
			}
			return render.IntKey(r.problem.since.UnixNano())
		},
		cell: func(d *Data, _ *render.View, r *row) render.Cell {
			if r.problem.heading || r.problem.since.IsZero() {
				return render.Cell{}
			}
			return render.Cell{Text: render.Age(d.Snap.Taken, r.problem.since)}
		},
	},
	{
		name: "RULE", spare: true, cell: func(_ *Data, _ *render.View, r *row) render.Cell { return render.Cell{Text: r.problem.name} },
	},
	{
		name: "WHAT", flex: true,
		cell: func(d *Data, _ *render.View, r *row) render.Cell {
			var b strings.Builder
			for _, c := range r.problem.picture(d, unlimited) {
				b.WriteString(c.Text)
			}
			return render.Cell{Text: b.String()}
		},
		draw: func(d *Data, r *row, width int) []render.Cell { return r.problem.picture(d, width) },
	},
}

// unfolds returns what Enter on a heading or a folded row unfolds.
func (p *problem) unfolds() string {
	if p.heading {
		return everything
	}
	return p.rule
}

// unfold shows the problems of a rule one by one, or all problems on the whole screen. A
// second call, or "", folds them again.
func (m *Model) unfold(what string) {
	t := m.table()
	if t.wanted.open == what {
		what = ""
	}
	t.wanted.open = what
	m.arrange()
}
