package main

import (
	"bytes"
	"strings"
)

// roff writes the few requests of man(7) that the manual pages of commands need.
type roff struct{ b bytes.Buffer }

// line writes a line that is roff already.
func (r *roff) line(s string) { r.b.WriteString(s + "\n") }

// macro writes a request with its arguments.
func (r *roff) macro(name string, args ...string) {
	line := "." + name
	for _, a := range args {
		line += ` "` + roffEscape(a) + `"`
	}
	r.line(line)
}

// text writes one line of running text.
func (r *roff) text(s string) {
	s = roffEscape(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s // or it would be a request
	}
	r.line(s)
}

// entry writes a tag and its meaning, indented. The tag is roff source already.
func (r *roff) entry(tag, meaning string) {
	r.macro("TP")
	r.line(tag)
	r.text(meaning)
}

// literal writes lines as they are.
func (r *roff) literal(s string) {
	r.macro("nf")
	for line := range strings.Lines(s) {
		r.text(strings.TrimRight(line, "\n"))
	}
	r.macro("fi")
}

// prose writes help text: an empty line ends a paragraph, indented lines stay
// as they are.
func (r *roff) prose(s string) {
	var block []string
	flush := func() {
		if block != nil {
			r.literal(strings.Join(block, "\n"))
			block = nil
		}
	}
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, " "):
			block = append(block, line)
			continue
		case line == "":
			flush()
			r.macro("PP")
			continue
		}
		flush()
		r.text(line)
	}
	flush()
}

// roffEscape escapes text so that it is not read as roff, and keeps hyphens and quotes as typed.
func roffEscape(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, `"`, `\(dq`, "^", `\(ha`, "~", `\(ti`, "`", `\(ga`).Replace(s)
}
