package render

import (
	"strings"

	"github.com/rivo/uniseg"
)

// Width is the number of terminal cells s takes: two for a CJK character, none
// for a combining mark.
func Width(s string) int {
	if isASCII(s) {
		return len(s)
	}
	return uniseg.StringWidth(s)
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Truncate cuts s to at most width cells; if it is cut, it ends in the ellipsis.
func Truncate(s string, width int, ellipsis string) string {
	if Width(s) <= width {
		return s
	}
	room := width - Width(ellipsis)
	if room < 0 {
		return ""
	}
	if isASCII(s) {
		return s[:room] + ellipsis
	}
	end, used := 0, 0
	for rest, state := s, -1; rest != ""; {
		var cluster string
		var w int
		cluster, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used+w > room {
			break
		}
		used += w
		end += len(cluster)
	}
	return s[:end] + ellipsis
}

// Cells returns the part of s from one column to before another. A wide character that is
// cut in half becomes a space.
func Cells(s string, from, to int) string {
	if isASCII(s) {
		return s[min(max(from, 0), len(s)):min(max(to, 0), len(s))]
	}
	var b strings.Builder
	at := 0
	for rest, state := s, -1; rest != "" && at < to; {
		var cluster string
		var w int
		cluster, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		switch {
		case at >= from && at+w <= to:
			b.WriteString(cluster)
		case at+w > from:
			pad(&b, min(at+w, to)-max(at, from))
		}
		at += w
	}
	return b.String()
}

const spaces = "                                                                "

func pad(b *strings.Builder, n int) {
	for ; n > len(spaces); n -= len(spaces) {
		b.WriteString(spaces)
	}
	if n > 0 {
		b.WriteString(spaces[:n])
	}
}
