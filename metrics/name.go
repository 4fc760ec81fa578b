package metrics

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// maxName is how many characters of a name a label holds.
const maxName = 64

// numbers are runs of characters that are mostly pids, other ids or made at random:
// three or more digits, eight or more hexadecimal ones.
var numbers = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[0-9a-fA-F]{8,}|[0-9]{3,}`) })

// Name is a name from outside as the value of a label: what cannot be printed is an
// underscore, numbers are an asterisk, so that /tmp/ssh-x/agent.4121 is the same
// series after each login, and what is too long ends in a tilde.
func Name(s string) string {
	return text(numbers().ReplaceAllString(s, "*"))
}

// text is a text from outside as the value of a label, its numbers included.
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

// port is ":5432" of an address; empty where there is none.
func port(address string) string {
	if i := strings.LastIndexByte(address, ':'); i >= 0 {
		return text(address[i:])
	}
	return ""
}
