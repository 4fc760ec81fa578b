package live

import (
	"strings"

	"github.com/ipctop/ipctop/render"
)

// Role is the meaning of a piece of text. It may be shown as a colour or attribute, but
// the words express it, too.
type Role uint8

// The roles.
const (
	Normal   Role = iota
	Title         // the name of the tool, of a page, of the selected thing
	Heading       // of columns
	Dim           // of little interest
	Warn          // worth a look
	Critical      // full, closed, stuck
	KeyName       // a key to press
	Current       // the screen shown, the column sorted by
	Rule          // a line that separates
	Match         // a match of the search
)

// Span is text of one role. The text is safe to show.
type Span struct {
	Text string
	Role Role
}

// Line is one line of the screen.
type Line struct {
	Spans    []Span
	Selected bool // shown in reverse video, over its whole width
	Cursor   int  // the cell of the cursor; 0: it is not on this line
}

// String returns only the text.
func (l Line) String() string {
	var b strings.Builder
	for _, s := range l.Spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

// Width returns how many cells the line takes.
func (l Line) Width() int {
	n := 0
	for _, s := range l.Spans {
		n += render.Width(s.Text)
	}
	return n
}

// add appends text.
func (l *Line) add(role Role, text string) {
	if text == "" {
		return
	}
	if n := len(l.Spans); n > 0 && l.Spans[n-1].Role == role {
		l.Spans[n-1].Text += text
		return
	}
	l.Spans = append(l.Spans, Span{text, role})
}

// fill appends spaces until the line takes width cells.
func (l *Line) fill(width int) {
	if n := width - l.Width(); n > 0 {
		l.add(Normal, strings.Repeat(" ", n))
	}
}

// text is a line of one span.
func text(role Role, s string) Line {
	var l Line
	l.add(role, s)
	return l
}

// crop keeps width cells of a line, from column from on. A wide character that is cut in
// half becomes a space. If text is cut off on the right, the last cell has the text
// more.
func crop(l Line, from, width int, more string) Line {
	total := l.Width()
	if from <= 0 && total <= width {
		return l
	}
	out := Line{Selected: l.Selected, Cursor: max(l.Cursor-from, 0)}
	end := from + width
	cut := total > end
	if cut {
		end -= render.Width(more)
	}
	at := 0
	var last Role
	for _, s := range l.Spans {
		last = s.Role
		w := render.Width(s.Text)
		switch {
		case at >= end:
		case at >= from && at+w <= end:
			out.add(s.Role, s.Text)
		case at+w > from:
			out.add(s.Role, render.Cells(s.Text, from-at, end-at))
		}
		at += w
		if at >= end {
			break
		}
	}
	if cut {
		out.fill(end - max(from, 0))
		out.add(last, more)
	}
	return out
}
