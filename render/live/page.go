package live

import (
	"bytes"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
)

// page is a scrolling text above the tables.
type page struct {
	kind  pageKind
	about Ident  // what it describes
	title string // escaped
	lines []Line
	raw   []Line // the lines before they were wrapped; nil if they are not wrapped
	gone  bool   // the thing that it describes no longer exists; the text is the last one

	hops int // of pageRelations

	top, shift int
	found      int // the line where the last search ended
}

type pageKind uint8

const (
	pageDetail pageKind = iota
	pageRelations
	pageWhy
	pageHelp
)

// pageEvent is the text of a page that took some time to write.
type pageEvent struct {
	kind  pageKind
	about Ident
	hops  int
	lines []Line
}

func (pageEvent) event() {}

// pageHeight returns how many lines of a page, or rows of a table, are visible.
func (m *Model) pageHeight() int {
	l := m.layout(m.width, m.height)
	if len(m.pages) > 0 {
		return max(l.page, 1)
	}
	return max(l.rows, 1)
}

// open puts a page on top. One of the same kind is replaced.
func (m *Model) open(p page) {
	list := slices.Clone(m.pages)
	if n := len(list); n > 0 && list[n-1].kind == p.kind {
		list = list[:n-1]
	}
	m.pages = append(list, p)
	m.refreshPage()
}

func (m *Model) openDetail() { m.openAbout(pageDetail) }

func (m *Model) openPage(kind pageKind, about Ident, title string) {
	p := page{kind: kind, about: about, title: title}
	if kind == pageRelations {
		p.hops = 1
		p.title += hopsTitle(1)
	}
	m.open(p)
}

// openWhy says why the selected thing is stuck, and on whom.
func (m *Model) openWhy() {
	r := m.selected()
	if p := m.page(); p != nil && m.data != nil {
		r = m.data.find(p.about)
	}
	if m.data == nil || r == (row{}) {
		m.setMessage(Dim, "Nothing is selected.")
		return
	}
	if r.problem != nil && r.problem.finding != nil {
		m.openDetail() // its page shows the chain
		return
	}
	s := r.subject(m.data)
	if s.object == nil && s.process == nil {
		m.setMessage(Dim, "This row has no process or object that still exists.")
		return
	}
	m.open(page{kind: pageWhy, about: s.ident(), title: "why: " + m.nameOf(s)})
}

func (m *Model) openAbout(kind pageKind) {
	if len(m.pages) > 0 && m.pages[len(m.pages)-1].kind == kind {
		return
	}
	r := m.selected()
	if m.data == nil || r == (row{}) {
		m.setMessage(Dim, "Nothing is selected.")
		return
	}
	t := m.table()
	t.moved, t.selected = true, r.ident() // keep the row selected: the user is reading about it
	if p := r.problem; p != nil && kind == pageDetail && (p.heading || p.folded > 0) {
		m.unfold(p.unfolds())
		return
	}
	if r.problem != nil && r.problem.finding != nil {
		m.openPage(kind, r.ident(), m.escape(r.problem.finding.Title))
		return
	}
	if s := r.subject(m.data); s.object != nil || s.process != nil {
		m.openPage(kind, s.ident(), m.nameOf(s))
		return
	}
	m.open(page{kind: kind, title: "details", lines: wrap(rowLines(m.data, r), m.width)})
}

func (m *Model) openHelp() {
	if p := m.page(); p != nil && p.kind == pageHelp {
		return
	}
	about, lines := "help", help(m.settings, m.width)
	if f := m.finding(); f != nil {
		lines = append(append(lines, Line{}), ruleLines(f.Rule, m.width)...)
		about = "help: " + m.escape(f.Rule)
	}
	m.open(page{kind: pageHelp, title: about, lines: lines})
}

// finding returns the finding of the page or of the selected row; nil if that is something
// else.
func (m *Model) finding() *model.Finding {
	r := m.selected()
	if p := m.page(); p != nil && m.data != nil {
		r = m.data.find(p.about)
	}
	if r.problem == nil {
		return nil
	}
	return r.problem.finding
}

// refreshPage writes the page on top again, from the newest snapshot.
func (m *Model) refreshPage() {
	p := m.page()
	if p == nil || p.about == (Ident{}) {
		return
	}
	d, kind, about, hops := m.data, p.kind, p.about, p.hops
	write := func() Event { return pageEvent{kind, about, hops, pageLines(d, kind, about, hops)} }
	if len(d.Snap.Objects)+len(d.Snap.Processes) <= quick {
		m.fillPage(write().(pageEvent))
		return
	}
	m.addEffect(Work{write})
}

func (m *Model) fillPage(e pageEvent) {
	p := m.page()
	if p == nil || p.kind != e.kind || p.about != e.about || p.hops != e.hops {
		return
	}
	if p.gone = e.lines == nil; !p.gone {
		p.lines, p.raw = e.lines, nil
		if about := m.data.find(p.about); about.problem != nil {
			p.raw = e.lines // sentences, which are wrapped again if the width of the terminal changes
		}
		p.wrap(m.width)
	}
	p.top = max(min(p.top, len(p.lines)-m.pageHeight()), 0)
}

// pageLines returns the text of a page; nil if the thing that it describes is not there.
func pageLines(d *Data, kind pageKind, about Ident, hops int) []Line {
	r := d.find(about)
	if r == (row{}) {
		return nil
	}
	if kind == pageRelations {
		return surroundings(d, r, hops)
	}
	if r.problem != nil {
		return problemLines(d, r.problem)
	}
	var b bytes.Buffer
	var err error
	subject := []query.Match{{Process: r.process, Object: r.object}}
	if kind == pageWhy {
		err = render.Why(&b, d.compactView, nil, subject)
	} else {
		err = render.Show(&b, d.index, subject, render.ShowOptions{Escape: d.escape, ASCII: d.compactView.ASCII})
	}
	if err != nil {
		return []Line{text(Critical, d.escape(err.Error()))}
	}
	var lines []Line
	for s := range strings.Lines(b.String()) {
		s = strings.TrimRight(s, "\n")
		role := Normal
		if len(lines) == 0 || s != "" && s[0] != ' ' {
			role = Heading
		}
		lines = append(lines, text(role, s))
	}
	return lines
}

// rowLines returns the details of a row that is neither about a process nor about an object.
func rowLines(d *Data, r row) []Line {
	switch {
	case r.problem != nil:
		return problemLines(d, r.problem)
	case r.entry != nil:
		return []Line{text(Normal, r.entry.what), text(Dim, "It is not there any more.")}
	}
	return nil
}

// wrap wraps the lines of pages that consist of sentences at the width of the screen.
func (p *page) wrap(width int) {
	if p.raw == nil {
		return
	}
	p.lines = nil
	for _, l := range p.raw {
		p.lines = append(p.lines, foldLine(l, width)...)
	}
}

// foldLine wraps a line between words; further lines are indented a little more. A word
// that does not fit on a line of its own is split.
func foldLine(l Line, width int) []Line {
	if l.Width() <= width {
		return []Line{l}
	}
	whole := l.String()
	indent := len(whole) - len(strings.TrimLeft(whole, " ")) + foldIndent
	var out []Line
	var now Line
	for _, s := range l.Spans {
		for _, word := range strings.SplitAfter(s.Text, " ") {
			if render.Width(strings.TrimRight(word, " "))+now.Width() > width && strings.TrimSpace(now.String()) != "" {
				out = append(out, now)
				now = text(Normal, strings.Repeat(" ", indent))
			}
			if render.Width(word)+now.Width() > width {
				word = strings.TrimRight(word, " ")
			}
			now.add(s.Role, word)
		}
	}
	out = append(out, now)
	return wrap(out, width)
}

const foldIndent = 2

// wrap wraps lines that are wider than the screen.
func wrap(lines []Line, width int) []Line {
	var out []Line
	for _, l := range lines {
		for l.Width() > width && width > 0 {
			out = append(out, crop(l, 0, width, ""))
			l = crop(l, width, 1<<20, "")
		}
		out = append(out, l)
	}
	return out
}
