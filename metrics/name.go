package metrics

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// maxName is the largest number of characters of a name in a label.
const maxName = 64

// numbers matches runs of characters that are mostly pids, other ids or random: three or
// more digits, or eight or more hexadecimal digits.
var numbers = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[0-9a-fA-F]{8,}|[0-9]{3,}`) })

// Name turns a name from outside into the value of a label: unprintable characters become
// an underscore; numbers become an asterisk, so that /tmp/ssh-x/agent.4121 is the same
// series after each login; a name that is too long is cut and ends in a tilde.
func Name(s string) string {
	return text(numbers().ReplaceAllString(s, "*"))
}

// text turns a text from outside into the value of a label and keeps its numbers.
func text(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return '_'
		}
		return r
	}, s)
	if r := []rune(s); len(r) > maxName {
		s = string(r[:maxName-1]) + "~"
	}
	return s
}

// port returns the port of an address, such as ":5432"; empty if there is none.
func port(address string) string {
	if i := strings.LastIndexByte(address, ':'); i >= 0 {
		return text(address[i:])
	}
	return ""
}
