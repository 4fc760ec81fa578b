package tui

import (
	"slices"

	"github.com/gdamore/tcell/v2"

	"github.com/ipctop/ipctop/render/live"
)

// drawn is the frame that is on the screen.
type drawn struct {
	width, height int
	theme         string
	lines         []live.Line
}

func (d *drawn) same(o *drawn) bool {
	return d.width == o.width && d.height == o.height && d.theme == o.theme && slices.EqualFunc(d.lines, o.lines, func(a, b live.Line) bool {
		return a.Selected == b.Selected && a.Cursor == b.Cursor && slices.Equal(a.Spans, b.Spans)
	})
}

// draw puts the model's frame on the screen. tcell sends the changes to the terminal. If
// nothing has changed, it would still send some bytes for the cursor, so it is not
// called.
func (v *view) draw() {
	width, height := v.screen.Size()
	next := drawn{width, height, v.Theme.name, live.Lines(v.model, width, height)}
	if v.drawn.same(&next) {
		return
	}
	v.drawn = next
	v.screen.Clear()
	v.screen.HideCursor()
	for y, line := range next.lines {
		x := 0
		for _, span := range line.Spans {
			style := v.Theme.style(span.Role)
			if line.Selected {
				style = v.Theme.selected(span.Role)
			}
			for text := span.Text; text != "" && x < width; {
				rest, w := v.screen.Put(x, y, text, style)
				if w == 0 {
					break
				}
				text, x = rest, x+w
			}
		}
		if line.Selected {
			for ; x < width; x++ {
				v.screen.Put(x, y, " ", v.Theme.selected(live.Normal))
			}
		}
		if line.Cursor > 0 {
			v.screen.ShowCursor(line.Cursor, y)
		}
	}
	v.screen.Show()
}

// Theme says how roles look. It uses the sixteen colours that users can configure in their
// terminal, on the terminal's own background.
type Theme struct {
	name   string
	styles map[live.Role]tcell.Style
}

// Themes are the names of the themes.
var Themes = []string{"default", "light", "mono"}

// ThemeNamed finds a theme.
func ThemeNamed(name string) (Theme, bool) {
	plain := tcell.StyleDefault
	t := Theme{name, map[live.Role]tcell.Style{
		live.Title: plain.Bold(true), live.Heading: plain.Bold(true), live.Current: plain.Bold(true).Underline(true), live.Dim: plain.Dim(true),
		live.Rule: plain.Dim(true), live.KeyName: plain.Bold(true), live.Match: plain.Underline(true).Bold(true), live.Warn: plain.Bold(true), live.Critical: plain.Bold(true).Underline(true),
	}}
	switch name {
	case "mono":
	case "default":
		t.styles[live.Warn] = plain.Foreground(tcell.ColorOlive) // this is the terminal's yellow
		t.styles[live.Critical] = plain.Foreground(tcell.ColorMaroon).Bold(true)
		t.styles[live.KeyName] = plain.Foreground(tcell.ColorTeal)
		t.styles[live.Current] = plain.Foreground(tcell.ColorTeal).Bold(true)
	case "light": // yellow and cyan are not readable on white
		t.styles[live.Warn] = plain.Foreground(tcell.ColorPurple)
		t.styles[live.Critical] = plain.Foreground(tcell.ColorMaroon).Bold(true)
		t.styles[live.KeyName] = plain.Foreground(tcell.ColorNavy)
		t.styles[live.Current] = plain.Foreground(tcell.ColorNavy).Bold(true)
	default:
		return Theme{}, false
	}
	return t, true
}

func (t Theme) style(r live.Role) tcell.Style { return t.styles[r] }

// selected returns the style of a selected line: reverse video without colours, because red
// is hard to read in reverse video. Bold text stays bold.
func (t Theme) selected(r live.Role) tcell.Style {
	style := tcell.StyleDefault.Reverse(true)
	return style.Bold(r == live.Critical || r == live.Warn).Underline(r == live.Match)
}
