package render

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// maxMarks is how many combining marks a character may have before they are shown as
// escapes: some languages need three, none needs more.
const maxMarks = 3

// Escape makes text from another process safe for a terminal and for one cell of a
// table. Characters that could control the terminal, break the row or change the
// direction of the text are shown as escapes (\n, \x1b, \u202e; \xff for a byte that is
// not UTF-8). A backslash is doubled, so that the result is unambiguous.
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

// EscapeMessage makes a message safe for a terminal. The message may contain text from
// outside, such as the name of a file that a shell's pattern matched. Newlines and tabs
// are kept, and backslashes, too, because parts of the message may be escaped already.
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

// harmless reports whether a character is shown as itself and has a width of its own.
// This is not so for format characters, which change the direction of text or join it,
// for spaces other than the usual one, and for selectors that change the width of the
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

// Quote makes s one word of a shell command. Words of plain characters are not changed;
// others are put into '…'. Words with unprintable characters are put into $'…' (bash,
// zsh, ksh, POSIX.1-2024) with octal bytes. A NUL cannot be part of a word and is left
// out.
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
			// Three octal digits mean the same in every shell, whatever follows.
			b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '\''))
}

// QuoteAll makes a command line from arguments.
func QuoteAll(argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = Quote(a)
	}
	return strings.Join(words, " ")
}
