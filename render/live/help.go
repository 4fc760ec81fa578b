package live

import (
	"strings"

	"github.com/ipctop/ipctop/render"
)

// help is the page of keys and screens.
func help(s Settings, width int) []Line {
	lines := []Line{text(Heading, "Keys")}
	for _, b := range bindings() {
		var l Line
		shown := b.shown
		if shown == "" {
			shown = strings.Join(b.keys, " ")
		}
		l.add(KeyName, "  "+shown)
		l.fill(max(helpIndent, l.Width()+1))
		lines = append(lines, paragraph(l, b.does, width)...)
	}
	lines = append(lines, Line{}, text(Heading, "Screens"))
	for i, sc := range screens[:keyed] {
		var l Line
		l.add(KeyName, "  "+string(rune('1'+i)))
		l.fill(helpIndent)
		lines = append(lines, paragraph(l, sc.title+": "+sc.about, width)...)
	}
	arrows := "→ one way, ⇄ both ways, × several of that name."
	if s.ASCII {
		arrows = "-> one way, <=> both ways, x several of that name."
	}
	for _, t := range []string{
		"", "Mouse: click a row, a screen, a heading to sort by; the wheel scrolls.",
		"", "Signs: " + arrows, render.Unknown + " is unknown: it could not be read. It is never zero.",
		"", "Filters: text keeps the rows that have it. An expression is over the field names of ipctop dump --json, as with ipctop dump --where:",
		"  fill > 0.5 && kind == \"pipe\"        on 3 to 6",
		"  fds > 100 || user == \"root\"         on 2 and 7",
		"", "Watching changes nothing: nothing is read from a pipe, no process is stopped.",
	} {
		if t == "" || t[0] == ' ' {
			lines = append(lines, text(Normal, t))
			continue
		}
		lines = append(lines, paragraph(Line{}, t, width)...)
	}
	return lines
}

const helpIndent = 16

// paragraph puts text after the start of a line, wrapped between words; further lines are
// indented to the same column.
func paragraph(first Line, s string, width int) []Line {
	l, indent := first, first.Width()
	var lines []Line
	fresh := true
	for word := range strings.FieldsSeq(s) {
		if !fresh && l.Width()+1+render.Width(word) > width {
			lines = append(lines, l)
			l, fresh = Line{}, true
			l.fill(indent)
		}
		if !fresh {
			l.add(Normal, " ")
		}
		l.add(Normal, word)
		fresh = false
	}
	return append(lines, l)
}
