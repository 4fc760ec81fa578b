package live

import (
	"strings"

	"github.com/ipctop/ipctop/render"
)

// help is the page of keys and screens.
func help(s Settings) []Line {
	lines := []Line{
		text(Title, "ipctop shows inter-process communication: who talks to whom, through what."),
		{},
		text(Heading, "Screens"),
	}
	for i, sc := range screens[:keyed] {
		var l Line
		l.add(KeyName, "  "+string(rune('1'+i)))
		l.fill(16)
		l.add(Normal, sc.title+": "+sc.about)
		lines = append(lines, l)
	}
	lines = append(lines, Line{}, text(Heading, "Keys"))
	for _, b := range bindings() {
		var l Line
		shown := b.shown
		if shown == "" {
			shown = strings.Join(b.keys, " ")
		}
		l.add(KeyName, "  "+shown)
		l.fill(max(16, l.Width()+1))
		l.add(Normal, b.does)
		lines = append(lines, l)
	}
	arrows := "→ one way, ⇔ both ways, × several of that name."
	if s.ASCII {
		arrows = "-> one way, <=> both ways, x several of that name."
	}
	for _, t := range []string{
		"", "Mouse: click a row, a screen, a heading to sort by; the wheel scrolls.",
		"", "Signs: " + arrows, render.Unknown + " is unknown: it could not be read. It is never zero.",
		"", "Filters: text keeps the rows that have it. An expression is over the field names",
		"of ipctop dump --json, as with ipctop dump --where:",
		"  fill > 0.5 && kind == \"pipe\"        on 3 to 6",
		"  fds > 100 || user == \"root\"         on 2 and 7",
		"", "Watching changes nothing: nothing is read from a pipe, no process is stopped.",
	} {
		lines = append(lines, text(Normal, t))
	}
	return lines
}
