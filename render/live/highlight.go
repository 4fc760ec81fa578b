package live

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// highlight marks a searched text in a line, ignoring case.
func highlight(l Line, wanted string) Line {
	if wanted == "" || !utf8.ValidString(wanted) || !containsFold(l.String(), wanted) {
		return l
	}
	out := Line{Selected: l.Selected, Cursor: l.Cursor}
	for _, s := range l.Spans {
		for rest := s.Text; rest != ""; {
			from, to := indexFold(rest, wanted)
			if from < 0 {
				out.Spans = append(out.Spans, Span{rest, s.Role})
				break
			}
			if from > 0 {
				out.Spans = append(out.Spans, Span{rest[:from], s.Role})
			}
			out.Spans = append(out.Spans, Span{rest[from:to], Match})
			rest = rest[to:]
		}
	}
	out.Spans = slices.Clip(out.Spans)
	return out
}

// indexFold returns where the first occurrence of a text begins and ends, ignoring case; -1:
// there is none. Texts whose length depends on the case are not found.
func indexFold(s, wanted string) (from, to int) {
	for i := range s {
		if end := i + len(wanted); end <= len(s) && strings.EqualFold(s[i:end], wanted) {
			return i, end
		}
	}
	return -1, -1
}
