package report

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/ipctop/ipctop/render"
)

// drawing builds an SVG picture. Every element has a class and no style of its own: the
// page's style defines the colours of the class for light and dark mode.
type drawing struct {
	b strings.Builder
}

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

// text writes text at a place, cut to a number of characters; the full text is its title.
func (d *drawing) text(x, y int, class, anchor, text string, most int) {
	d.add(`<text x="%d" y="%d" class="%s" text-anchor="%s">`, x, y, class, anchor)
	if short := render.Truncate(text, most, "…"); short != text {
		d.add("<title>%s</title>%s", template.HTMLEscapeString(text), template.HTMLEscapeString(short))
	} else {
		d.b.WriteString(template.HTMLEscapeString(text))
	}
	d.add("</text>")
}

// finish returns the whole picture. description describes it in words.
func (d *drawing) finish(id string, width, height int, title, description string) template.HTML {
	head := fmt.Sprintf(`<svg role="img" aria-labelledby="%[1]s-t %[1]s-d" viewBox="0 0 %[2]d %[3]d" width="%[2]d" height="%[3]d" xmlns="http://www.w3.org/2000/svg">`+
		`<title id="%[1]s-t">%[4]s</title><desc id="%[1]s-d">%[5]s</desc>`, id, width, height, template.HTMLEscapeString(title), template.HTMLEscapeString(description))
	// All text in the picture was escaped above.
	return template.HTML(head + d.b.String() + "</svg>")
}

// arrowHead draws the head of an arrow that points down to a place.
func (d *drawing) arrowHead(x, y int, class string) {
	d.add(`<path class="%s" d="M%d %d l-5 -9 h10 z"/>`, class, x, y)
}
