package model

import (
	"encoding/base64"
	"reflect"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// exactSuffix is the end of a base64 companion's key. A companion is a field with the exact
// bytes of a text that is not UTF-8.
const exactSuffix = "_b64"

// appendExact writes the base64 companion of a text or a list of texts. The companion of
// a list has all elements, even if only one needs it.
func appendExact(b []byte, f *field, v reflect.Value) []byte {
	if f.typ.Kind() == reflect.String {
		if s := v.String(); !utf8.ValidString(s) {
			b = appendBase64(append(b, f.exactKey...), s)
		}
		return b
	}
	valid := true
	for i := range v.Len() {
		valid = valid && utf8.ValidString(v.Index(i).String())
	}
	if valid {
		return b
	}
	b = append(append(b, f.exactKey...), '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendBase64(b, v.Index(i).String())
	}
	return append(b, ']')
}

func appendBase64(b []byte, s string) []byte {
	return append(base64.StdEncoding.AppendEncode(append(b, '"'), []byte(s)), '"')
}

const hexDigits = "0123456789abcdef"

// appendString writes s as a JSON string. Each byte that is not UTF-8 becomes
// U+FFFD. All control and format characters are escaped, including C1, DEL and those
// that change the direction of text: a dump printed on a terminal must not control it.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if c >= 0x80 && (r != utf8.RuneError || n > 1) && r >= 0xa0 && !unicode.Is(unicode.Cf, r) && r != '\u2028' && r != '\u2029' {
			i += n
			continue
		}
		b = append(b, s[start:i]...)
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\t':
			b = append(b, '\\', 't')
		case r > 0xffff: // a format character of a higher plane, as a surrogate pair
			hi, lo := utf16.EncodeRune(r)
			b = appendEscaped(appendEscaped(b, hi), lo)
		default:
			b = appendEscaped(b, r)
		}
		i += n
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscaped(b []byte, r rune) []byte {
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
