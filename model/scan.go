package model

import (
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads the tokens of a JSON text (RFC 8259).
type scanner struct {
	b   []byte
	pos int

	unescaped []byte // buffer: the latest text that has escapes, unescaped
}

// maxDepth is how deep lists and objects that are skipped may be nested.
const maxDepth = 10_000

// syntaxError says where a text is not JSON.
type syntaxError struct {
	at   int // offset in bytes
	text string
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("not valid JSON at byte %d: %s", e.at, e.text)
}

// unexpected returns the error for a byte where something else should be.
func (s *scanner) unexpected(want string) error {
	if s.pos >= len(s.b) {
		return io.ErrUnexpectedEOF
	}
	r, _ := utf8.DecodeRune(s.b[s.pos:])
	return &syntaxError{s.pos, fmt.Sprintf("%q where %s should be", r, want)}
}

// peek skips white space and returns the byte after it; 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.b) {
		c := s.b[s.pos]
		if c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
		s.pos++
	}
	return 0
}

// more moves to the next element of a list or key of an object, or past its end. first is
// true directly after the opening bracket.
func (s *scanner) more(end byte, first bool) (bool, error) {
	c := s.peek()
	if c == end {
		s.pos++
		return false, nil
	}
	if first {
		return true, nil
	}
	if c != ',' {
		return false, s.unexpected("a comma or " + string(rune(end)))
	}
	s.pos++
	if s.peek() == end {
		return false, s.unexpected("a value")
	}
	return true, nil
}

// key reads the key of an object and the colon after it. The result is valid until the
// next text is read.
func (s *scanner) key() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.unexpected("a key")
	}
	key, err := s.text()
	if err != nil {
		return nil, err
	}
	if s.peek() != ':' {
		return nil, s.unexpected("a colon")
	}
	s.pos++
	return key, nil
}

// text reads a text at its opening quote. Bytes that are not UTF-8, and halves of
// surrogate pairs, become U+FFFD. The result is valid until the next text is read.
func (s *scanner) text() ([]byte, error) {
	s.pos++
	start, ascii := s.pos, true
	for ; s.pos < len(s.b); s.pos++ {
		c := s.b[s.pos]
		switch {
		case c == '"':
			b := s.b[start:s.pos]
			if !ascii && !utf8.Valid(b) {
				s.pos = start
				return s.textWithEscapes(start)
			}
			s.pos++
			return b, nil
		case c == '\\':
			s.pos = start
			return s.textWithEscapes(start)
		case c < ' ':
			return nil, s.unexpected("a character of a text")
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, io.ErrUnexpectedEOF
}

// textWithEscapes reads a text that has escapes, from after the opening quote.
func (s *scanner) textWithEscapes(start int) ([]byte, error) {
	out := s.unescaped[:0]
	for s.pos = start; s.pos < len(s.b); {
		c := s.b[s.pos]
		switch {
		case c == '"':
			s.pos++
			s.unescaped = out
			return out, nil
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
		case c < ' ':
			return nil, s.unexpected("a character of a text")
		case c < utf8.RuneSelf:
			out = append(out, c)
			s.pos++
		default:
			r, n := utf8.DecodeRune(s.b[s.pos:])
			out = utf8.AppendRune(out, r)
			s.pos += n
		}
	}
	return nil, io.ErrUnexpectedEOF
}

// escapes maps the character after a backslash to the character that the escape means.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads an escape, and the next one if both are a surrogate pair.
func (s *scanner) escape() (rune, error) {
	s.pos++
	if s.pos >= len(s.b) {
		return 0, io.ErrUnexpectedEOF
	}
	c := s.b[s.pos]
	if c != 'u' {
		r := escapes[c]
		if r == 0 {
			return 0, s.unexpected("an escape")
		}
		s.pos++
		return rune(r), nil
	}
	s.pos++
	r, err := s.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if s.pos+1 < len(s.b) && s.b[s.pos] == '\\' && s.b[s.pos+1] == 'u' {
		before := s.pos
		s.pos += 2
		low, err := s.hex4()
		if err != nil {
			return 0, err
		}
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, nil
		}
		s.pos = before
	}
	return utf8.RuneError, nil
}

func (s *scanner) hex4() (rune, error) {
	var r rune
	for range 4 {
		if s.pos >= len(s.b) {
			return 0, io.ErrUnexpectedEOF
		}
		c := s.b[s.pos]
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, s.unexpected("a hexadecimal digit")
		}
		s.pos++
	}
	return r, nil
}

// number reads a number.
func (s *scanner) number() ([]byte, error) {
	start := s.pos
	if s.at('-') {
		s.pos++
	}
	if s.at('0') {
		s.pos++
	} else if err := s.digits(); err != nil {
		return nil, err
	}
	if s.at('.') {
		s.pos++
		if err := s.digits(); err != nil {
			return nil, err
		}
	}
	if s.at('e') || s.at('E') {
		s.pos++
		if s.at('+') || s.at('-') {
			s.pos++
		}
		if err := s.digits(); err != nil {
			return nil, err
		}
	}
	return s.b[start:s.pos], nil
}

func (s *scanner) at(c byte) bool { return s.pos < len(s.b) && s.b[s.pos] == c }

// digits reads one or more digits.
func (s *scanner) digits() error {
	start := s.pos
	for s.pos < len(s.b) && isDigit(s.b[s.pos]) {
		s.pos++
	}
	if s.pos == start {
		return s.unexpected("a digit")
	}
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// word reads true, false or null.
func (s *scanner) word(word string) error {
	for i := range len(word) {
		if !s.at(word[i]) {
			return s.unexpected(word)
		}
		s.pos++
	}
	return nil
}

// skip skips a value.
func (s *scanner) skip(depth int) error {
	if depth > maxDepth {
		return &syntaxError{s.pos, "nested too deeply"}
	}
	switch c := s.peek(); c {
	case '{', '[':
		s.pos++
		for first := true; ; first = false {
			more, err := s.more(c+2, first) // the closing bracket
			if !more || err != nil {
				return err
			}
			if c == '{' {
				if _, err := s.key(); err != nil {
					return err
				}
			}
			if err := s.skip(depth + 1); err != nil {
				return err
			}
		}
	case '"':
		_, err := s.text()
		return err
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		if c != '-' && !isDigit(c) {
			return s.unexpected("a value")
		}
		_, err := s.number()
		return err
	}
}
