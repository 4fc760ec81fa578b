package render

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// maxMarks is how many combining marks a character may carry before they are
// shown as escapes: some languages need three, none needs a tower of them.
const maxMarks = 3

// Escape makes text from another process fit for a terminal and for one cell of
// a table: what could drive the terminal, break the row or turn the text around
// is shown as an escape (\n, \x1b, \u202e; \xff for a byte that is not UTF-8).
// A backslash is doubled, so that what is shown is unambiguous.
func Escape(s string) string { return escape(s, false) }

// EscapeASCII is Escape for a terminal that takes only ASCII.
func EscapeASCII(s string) string { return escape(s, true) }

func escape(s string, ascii bool) string {
	i := 0
	for i < len(s) && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '\\' {
		i++
	}
	if i == len(s) {
		return s
	}
	b := append(make([]byte, 0, len(s)+16), s[:i]...)
	// A mark at the start of the text would change the character before it.
	marks := maxMarks
	if i > 0 {
		marks = 0
	}
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if unicode.Is(unicode.M, r) {
			marks++
		} else {
			marks = 0
		}
		switch {
		case r == '\\':
			b = append(b, '\\', '\\')
		case r == utf8.RuneError && n == 1:
			b = append(b, '\\', 'x', hexDigits[s[i]>>4], hexDigits[s[i]&15])
		case r < utf8.RuneSelf && unicode.IsPrint(r), r >= utf8.RuneSelf && !ascii && harmless(r) && marks <= maxMarks:
			b = append(b, s[i:i+n]...)
		default:
			b = appendEscaped(b, r)
		}
		i += n
	}
	return string(b)
}

// EscapeMessage makes a message fit for a terminal that may quote what it is about, such
// as the name of a file that a shell's pattern matched. Lines and tabs stay, and so do
// backslashes: what else is in the message is escaped already.
func EscapeMessage(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(b, '\\', 'x', hexDigits[s[i]>>4], hexDigits[s[i]&15])
		case r == '\n' || r == '\t' || harmless(r):
			b = append(b, s[i:i+n]...)
		default:
			b = appendEscaped(b, r)
		}
		i += n
	}
	return string(b)
}

// harmless reports whether a character shows as itself and takes room of its
// own. Formatting characters, which turn text around or join it, do not; nor do
// spaces other than the usual one, nor selectors that change the width of the
// character before them.
func harmless(r rune) bool {
	return unicode.IsPrint(r) && !unicode.Is(unicode.Variation_Selector, r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

func appendEscaped(b []byte, r rune) []byte {
	switch {
	case r == '\n':
		return append(b, '\\', 'n')
	case r == '\t':
		return append(b, '\\', 't')
	case r == '\r':
		return append(b, '\\', 'r')
	case r < 0x80:
		return append(b, '\\', 'x', hexDigits[r>>4], hexDigits[r&15])
	case r < 0x10000:
		return append(b, '\\', 'u', hexDigits[r>>12], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
	}
	b = append(b, '\\', 'U')
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[r>>shift&15])
	}
	return b
}

// Quote makes s one word of a shell command. Words of plain characters stay as
// they are; others go into '…', and those with what cannot be shown into
// $'…' (bash, zsh, ksh, POSIX.1-2024) as octal bytes. A NUL cannot
// be part of a word at all and is left out.
func Quote(s string) string {
	if s == "" {
		return "''"
	}
	plain, quotable := true, true
	for i, r := range s {
		switch {
		case r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-./:@%+,", r)):
		case r == '=' && i > 0:
		case r == utf8.RuneError || r < utf8.RuneSelf && !unicode.IsPrint(r) ||
			r >= utf8.RuneSelf && (!harmless(r) || unicode.Is(unicode.M, r)):
			plain, quotable = false, false
		default:
			plain = false
		}
	}
	switch {
	case plain:
		return s
	case quotable:
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	b := []byte("$'")
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == 0:
		case c < 0x20 || c >= 0x7f || c == '\'' || c == '\\' || c == '!':
			// Three octal digits mean the same to every shell, whatever follows.
			b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '\''))
}

// QuoteAll makes a command line of arguments.
func QuoteAll(argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = Quote(a)
	}
	return strings.Join(words, " ")
}
