package live

import (
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// Widths of columns: a column gets no narrower than narrowest; if that is not enough, the
// line is cut. Before the other columns get narrower than comfort, dispensable ones are left out.
const (
	narrowest = 8
	comfort   = 18
	between   = 2
	margin    = 1 // for the tag
)

// grid is the visible part of a table.
type grid struct {
	columns []column
	widths  []int
	cells   [][]render.Cell // of the visible rows
	width   int
	shift   int
	wide    bool // nothing is cut
	data    *Data
	rows    []row // the visible ones
}

// grid lays out the visible rows.
func (m *Model) grid(a *arrangement, visible []row, width int) *grid {
	g := &grid{columns: slices.Clone(a.columns), widths: slices.Clone(a.widths), width: width, shift: m.table().shift, wide: a.wide, data: a.data, rows: visible}
	for j, c := range g.columns {
		if c.flex { // as wide as the visible rows need: there are only few long names
			g.widths[j] = min(g.widths[j], render.Width(c.name)+1)
		}
	}
	v := a.data.view(a.wide)
	g.cells = make([][]render.Cell, len(visible))
	for i := range visible {
		g.cells[i] = make([]render.Cell, len(g.columns))
		for j := range g.columns {
			c := g.columns[j].cell(a.data, v, &visible[i])
			g.cells[i][j] = c
		}
		for j, c := range g.cells[i] {
			if !g.runsOn(i, j) {
				g.widths[j] = max(g.widths[j], render.Width(c.Text))
			}
		}
	}
	if !a.wide {
		g.drop(a.column)
		g.fit()
	}
	return g
}

// runsOn reports whether a text may extend over the cells to the right of it.
func (g *grid) runsOn(i, j int) bool {
	return g.columns[j].runsOn && !g.wide && !slices.ContainsFunc(g.cells[i][j+1:], func(c render.Cell) bool { return c.Text != "" })
}

// drop leaves out dispensable columns (spare), the last first, until the others fit with
// comfort. The column by which the rows are sorted is kept.
func (g *grid) drop(sorted string) {
	for {
		total, last := margin+between*(len(g.columns)-1), -1
		for i, c := range g.columns {
			n := g.widths[i]
			if c.flex {
				n = min(n, comfort)
			}
			total += n
			if c.spare && c.name != sorted {
				last = i
			}
		}
		if total <= g.width || last < 0 {
			return
		}
		g.columns = slices.Delete(g.columns, last, last+1)
		g.widths = slices.Delete(g.widths, last, last+1)
		for i := range g.cells {
			g.cells[i] = slices.Delete(g.cells[i], last, last+1)
		}
	}
}

// fit narrows the widest column that may be cut, until the table fits.
func (g *grid) fit() {
	total := margin + between*(len(g.widths)-1)
	for _, n := range g.widths {
		total += n
	}
	for total > g.width {
		widest, second := -1, narrowest
		for i, c := range g.columns {
			switch {
			case !c.flex || g.widths[i] <= narrowest:
			case widest < 0 || g.widths[i] > g.widths[widest]:
				if widest >= 0 {
					second = g.widths[widest]
				}
				widest = i
			case g.widths[i] > second:
				second = g.widths[i]
			}
		}
		if widest < 0 {
			return
		}
		cut := min(total-g.width, max(1, g.widths[widest]-second))
		g.widths[widest] -= cut
		total -= cut
	}
}

func (g *grid) heading(m *Model) Line {
	o := m.table().arranged.order
	l := text(Heading, strings.Repeat(" ", margin))
	for i, c := range g.columns {
		role, name := Heading, c.name
		if c.name == o.column && c.name != "" {
			role = Current
			name = c.name + m.sign(c.descending() != o.invert)
			if render.Width(name) > g.widths[i] {
				name = c.name // no room for the sign
			}
		}
		g.cell(&l, i, render.Truncate(name, g.widths[i], m.more()), role)
	}
	return crop(l, g.shift, g.width, "")
}

// sign returns the sign for the direction in which a column is sorted.
func (m *Model) sign(descending bool) string {
	switch {
	case m.settings.ASCII && descending:
		return "v"
	case m.settings.ASCII:
		return "^"
	case descending:
		return "▼"
	}
	return "▲"
}

func (g *grid) line(m *Model, i int, tagged bool) Line {
	mark := " "
	if tagged {
		mark = "*"
	}
	l := text(Warn, mark)
	for j, c := range g.cells[i] {
		if draw := g.columns[j].draw; draw != nil {
			g.drawn(&l, j, draw(g.data, &g.rows[i], g.widths[j]))
			continue
		}
		if g.runsOn(i, j) {
			l.add(Normal, strings.Repeat(" ", between))
			l.add(roleOf(c.Role), render.Truncate(c.Text, max(g.width-l.Width(), 0), m.more()))
			break
		}
		g.cell(&l, j, render.Truncate(c.Text, g.widths[j], m.more()), roleOf(c.Role))
	}
	return crop(l, g.shift, g.width, m.more())
}

// cell appends the text of column i with the space before it.
func (g *grid) cell(l *Line, i int, s string, role Role) {
	pad := g.widths[i] - render.Width(s)
	before := 0
	if i > 0 {
		before = between
	}
	if g.columns[i].right {
		before, pad = before+pad, 0
	}
	l.add(Normal, strings.Repeat(" ", before))
	l.add(role, s)
	if i < len(g.columns)-1 {
		l.add(Normal, strings.Repeat(" ", pad))
	}
}

// drawn appends the cells that column i has drawn itself.
func (g *grid) drawn(l *Line, i int, cells []render.Cell) {
	if i > 0 {
		l.add(Normal, strings.Repeat(" ", between))
	}
	pad := g.widths[i]
	for _, c := range cells {
		pad -= render.Width(c.Text)
		l.add(roleOf(c.Role), c.Text)
	}
	if i < len(g.columns)-1 && pad > 0 {
		l.add(Normal, strings.Repeat(" ", pad))
	}
}

// columnAt returns the column whose heading is at a cell of the screen.
func (m *Model) columnAt(x int) (string, bool) {
	t := m.table()
	a := t.arranged
	if a == nil || len(a.rows) == 0 {
		return "", false
	}
	l := m.layout(m.width, m.height)
	g := m.grid(a, a.rows[min(t.top, len(a.rows)):min(t.top+l.rows, len(a.rows))], m.width)
	at := margin - g.shift
	for i, c := range g.columns {
		if x >= at && x < at+g.widths[i] {
			return c.name, c.name != ""
		}
		at += g.widths[i] + between
	}
	return "", false
}

// roleOf is a cell's role on the screen.
func roleOf(r render.Role) Role {
	switch r {
	case render.Heading:
		return Heading
	case render.Notice:
		return Warn
	case render.Alarm:
		return Critical
	case render.Dim:
		return Dim
	}
	return Normal
}

// objectTitle describes an object in a few words.
func (d *Data) objectTitle(o *model.Object) string {
	s := d.escape(o.ID)
	if info, ok := model.LookupKind(o.Kind); ok {
		s += " " + info.Title
	}
	if o.Name != "" && !repeatsID(o) {
		s += " " + d.escape(o.Name)
	}
	if f, ok := o.Fill.Get(); ok && f >= 1 {
		s += " FULL"
	}
	return s
}
