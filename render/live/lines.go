package live

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/render"
)

// The size of the smallest terminal in which the view is usable.
const (
	minWidth  = 40
	minHeight = 10
)

// The lines that are always there.
const (
	lineTitle = iota
	lineHead
	lineScreens
	lineHeading // of columns, or a page's title
	lineBody
)

// barHeight is the least height of a terminal for relations below the table and for the
// function keys.
const barHeight = 16

// layout says how the lines of the screen are divided.
type layout struct {
	ok        bool // the terminal is large enough
	heading   int  // lines above the table: the headings of its columns
	rows      int  // of the table
	overview  int  // lines below the problems
	relations int  // lines below the table, including their title
	status    int  // the last line: 1 if there is a message, or room for the function keys
	page      int  // lines of a page
}

// layout depends on the size and on whether there is a message, but not on the selected
// row, so that the table does not move.
func (m *Model) layout(width, height int) layout {
	if width < minWidth || height < minHeight {
		return layout{}
	}
	l := layout{ok: true}
	if _, is := m.statusLine(width); is || height >= barHeight {
		l.status = 1
	}
	body := height - lineBody
	l.heading = 1
	if m.screen == screenOverview && len(m.pages) == 0 {
		return m.overviewLayout(l, height-lineHeading)
	}
	if height >= barHeight {
		l.relations = min(height/3, 16)
	}
	l.rows = body - l.relations
	if l.relations > 0 {
		l.relations -= l.status
	} else {
		l.rows -= l.status
	}
	l.page = body - l.status
	return l
}

// overviewLayout gives the problems the room they need, but leaves the larger part to the
// rest of the overview, unless the user wants to see all problems.
func (m *Model) overviewLayout(l layout, height int) layout {
	l.page = height - 1 - l.status
	if m.table().wanted.column != "" {
		height--
	} else {
		l.heading = 0 // the groups have headings of their own
	}
	height -= l.status
	if m.table().wanted.open == everything {
		l.rows = height
		return l
	}
	l.rows = min(len(m.rows()), max(height*2/5, 3))
	l.overview = height - l.rows
	return l
}

// Lines returns what a terminal of that size shows, line by line. Only the visible rows
// are made.
func Lines(m Model, width, height int) []Line {
	l := m.layout(width, height)
	if !l.ok {
		s := fmt.Sprintf("ipctop needs %d columns and %d lines; here are %d and %d. q quits.", minWidth, minHeight, width, height)
		lines := wrap([]Line{text(Normal, s)}, max(width, 1))
		return lines[:min(len(lines), max(height, 0))]
	}
	lines := append(make([]Line, 0, height), m.titleLine(width), m.headLine(width), m.screensLine(width))
	if m.menu != nil {
		lines = append(lines, m.menuLines(l.page, width)...)
	} else if p := m.page(); p != nil {
		lines = append(lines, m.pageLines(p, l.page, width)...)
	} else {
		lines = append(lines, m.tableLines(l, width)...)
		lines = append(lines, m.relationLines(l.relations, width)...)
		lines = append(lines, m.overviewLines(l.overview, width)...)
	}
	if status, ok := m.statusLine(width); ok {
		lines = append(lines, status)
	} else if l.status > 0 {
		lines = append(lines, m.barLine(width))
	}
	return lines
}

// tableLines returns the headings and rows.
func (m *Model) tableLines(l layout, width int) []Line {
	height := l.heading + l.rows
	lines := make([]Line, 0, height)
	t := m.table()
	a := t.arranged
	if a == nil {
		return blank(append(lines, Line{}, text(Dim, " ...")), height)
	}
	if len(a.rows) == 0 {
		say := screens[m.screen].empty
		if m.glimpse {
			say = "Reading..."
		}
		if a.total > 0 {
			say = "No row fits the filter."
		}
		return blank(append(lines, Line{}, crop(text(Dim, " "+say), 0, width, m.more())), height)
	}
	visible := a.rows[min(t.top, len(a.rows)):min(t.top+l.rows, len(a.rows))]
	grid := m.grid(a, visible, width)
	if l.heading > 0 {
		lines = append(lines, grid.heading(m))
	}
	for i := range visible {
		line := grid.line(m, i, m.tagged[visible[i].ident()])
		if p := visible[i].problem; p != nil && p.heading {
			line = text(Heading, " "+p.what)
		}
		line = highlight(line, m.search)
		line.Selected = t.top+i == t.cursor && !t.lost
		lines = append(lines, line)
	}
	return blank(lines, height)
}

// blank adds empty lines.
func blank(lines []Line, height int) []Line {
	for len(lines) < height {
		lines = append(lines, Line{})
	}
	return lines[:height]
}

// relationLines returns the lines below the table: the relations of the selected row, under
// a line with its name and number.
func (m *Model) relationLines(height, width int) []Line {
	if height <= 0 {
		return nil
	}
	r := m.selected()
	title, position := "", ""
	if n := len(m.rows()); n > 0 {
		position = strconv.Itoa(m.table().cursor+1) + "/" + strconv.Itoa(n)
	}
	if m.screen == screenMemory && position != "" {
		position = "sum " + render.Size(m.sizeSum()) + "  " + position
	}
	if len(m.tagged) > 0 {
		position = strings.TrimSpace(strconv.Itoa(len(m.tagged)) + " tagged  " + position)
	}
	var below []Line
	if r != (row{}) {
		title = m.describe(r)
		position = strings.TrimSpace(m.spark(r) + "  " + position)
		if below = relations(m.table().arranged.data, r, height); len(below) > height-1 {
			below = below[:height-1]
			position = "g: more  " + position
		}
	}
	lines := []Line{m.rule(title, position, width)}
	for _, l := range below {
		lines = append(lines, crop(l, 0, width, m.more()))
	}
	return blank(lines, height)
}

// describe returns the title of a row's relations.
func (m *Model) describe(r row) string {
	d := m.table().arranged.data
	switch {
	case r.process != nil:
		s := d.who(r.process.PID, r.process.Comm)
		if r.process.Exe != "" {
			s += " " + d.escape(r.process.Exe)
		}
		return s
	case r.object != nil:
		return d.objectTitle(r.object)
	case r.problem != nil && r.problem.finding != nil:
		return d.escape(r.problem.finding.Title)
	case r.problem != nil && r.problem.object != nil:
		return d.objectTitle(r.problem.object)
	case r.entry != nil:
		return r.entry.what
	}
	return ""
}

// rule is a line across the screen with a title and a note in it.
func (m *Model) rule(title, note string, width int) Line {
	dash := "─"
	if m.settings.ASCII {
		dash = "-"
	}
	if note != "" {
		note = " " + note + " "
	}
	l := text(Rule, dash+dash)
	room := width - 4 - render.Width(note) - 2
	if title != "" && room > 8 {
		l.add(Rule, " ")
		l.add(Title, render.Truncate(title, room-2, m.more()))
		l.add(Rule, " ")
	}
	if n := width - l.Width() - render.Width(note) - 2; n > 0 {
		l.add(Rule, strings.Repeat(dash, n))
	}
	l.add(Rule, note+dash+dash)
	return crop(l, 0, width, "")
}

// pageLines returns a page's title and the visible part of its text.
func (m *Model) pageLines(p *page, height, width int) []Line {
	title := p.title
	if p.gone {
		title += " (gone)"
	}
	top := max(min(p.top, len(p.lines)-height), 0)
	end := min(top+height, len(p.lines))
	note := "Esc: back"
	if len(p.lines) > height {
		note = fmt.Sprintf("%d-%d/%d  %s", top+1, end, len(p.lines), note)
	}
	lines := []Line{m.rule(title, note, width)}
	for _, l := range p.lines[top:end] {
		lines = append(lines, highlight(crop(l, p.shift, width, m.more()), m.search))
	}
	return blank(lines, height+1)
}
