package model

import (
	"encoding/base64"
	"io"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// This encoder exists because a dump has a record for every descriptor of the
// machine, and because of two things encoding/json does not do: bytes that are
// not UTF-8 get a second field NAME_b64 that holds them exactly, and embedded
// pointers are walked without allocating. It reads the same struct tags:
// `omitzero` fields are left out while unknown, all others are always there,
// lists as [] and never null.

// Encode writes the snapshot as one JSON document, one list element a line, so
// that two dumps can be compared with diff.
func Encode(w io.Writer, s *Snapshot) error {
	v := reflect.ValueOf(s).Elem()
	b := append(make([]byte, 0, encodeBuffer), '{')
	for i, f := range planOf(v.Type()) {
		fv, ok := f.value(v)
		if !ok {
			continue
		}
		if i > 0 {
			b = append(b, ',', '\n')
		}
		b = append(b, f.key...)
		if fv.Kind() != reflect.Slice {
			b = f.enc(b, fv)
			continue
		}
		elem := encoderOf(fv.Type().Elem())
		b = append(b, '[')
		for j := range fv.Len() {
			if j > 0 {
				b = append(b, ',')
			}
			b = append(b, '\n')
			b = elem(b, fv.Index(j))
			if len(b) > encodeBuffer-encodeBuffer/4 {
				if _, err := w.Write(b); err != nil {
					return err
				}
				b = b[:0]
			}
		}
		b = append(b, ']')
	}
	b = append(b, '}', '\n')
	_, err := w.Write(b)
	return err
}

const encodeBuffer = 64 << 10

// AppendJSON appends one record (an [Object], [Process], [Wait] …) as JSON on
// one line. v must be a pointer to a type of this package.
func AppendJSON(b []byte, v any) []byte {
	rv := reflect.ValueOf(v).Elem()
	return encoderOf(rv.Type())(b, rv)
}

type encoder func(b []byte, v reflect.Value) []byte

// field is one key of a struct.
type field struct {
	name     string
	key      string // "name":
	index    []int
	optional bool // omitzero
	text     bool // may need a _b64 twin
	enc      encoder
}

// value is the field's value in v, and whether it is to be written.
func (f *field) value(v reflect.Value) (reflect.Value, bool) {
	for i, x := range f.index {
		if i > 0 { // through an embedded pointer
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, !f.optional || !v.IsZero()
}

var (
	plans    sync.Map // reflect.Type → []field
	encoders sync.Map // reflect.Type → encoder

	typeTime   = reflect.TypeFor[time.Time]()
	typeBig    = reflect.TypeFor[Big]()
	typeAddr   = reflect.TypeFor[Addr]()
	typeRatio  = reflect.TypeFor[Ratio]()
	typeOFD    = reflect.TypeFor[OFD]()
	typeDetail = reflect.TypeFor[Detail]()
)

// planOf lists the keys of struct type t in the order of its fields.
func planOf(t reflect.Type) []field {
	if p, ok := plans.Load(t); ok {
		return p.([]field)
	}
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		if sf.Anonymous && sf.Type.Kind() == reflect.Pointer {
			for _, f := range planOf(sf.Type.Elem()) {
				f.index = append([]int{i}, f.index...)
				f.optional = true
				fields = append(fields, f)
			}
			continue
		}
		name, opts, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields = append(fields, field{
			name:     name,
			key:      strconv.Quote(name) + ":",
			index:    []int{i},
			optional: opts == "omitzero",
			text:     isText(sf.Type),
			enc:      encoderOf(sf.Type),
		})
	}
	plans.Store(t, fields)
	return fields
}

func isText(t reflect.Type) bool {
	return t.Kind() == reflect.String || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String
}

// isOpt reports whether t is an Opt.
func isOpt(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == typeBig.PkgPath() && strings.HasPrefix(t.Name(), "Opt[")
}

func encoderOf(t reflect.Type) encoder {
	if e, ok := encoders.Load(t); ok {
		return e.(encoder)
	}
	e := newEncoder(t)
	encoders.Store(t, e)
	return e
}

func newEncoder(t reflect.Type) encoder {
	switch {
	case t == typeTime:
		return func(b []byte, v reflect.Value) []byte {
			return append(v.Interface().(time.Time).UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
		}
	case t == typeBig:
		return func(b []byte, v reflect.Value) []byte {
			return append(strconv.AppendUint(append(b, '"'), v.Uint(), 10), '"')
		}
	case t == typeAddr:
		return func(b []byte, v reflect.Value) []byte {
			return append(strconv.AppendUint(append(b, `"0x`...), v.Uint(), 16), '"')
		}
	case t == typeRatio:
		return func(b []byte, v reflect.Value) []byte {
			return strconv.AppendFloat(b, float64(int64(v.Float()*10000+0.5))/10000, 'f', -1, 64)
		}
	case t == typeOFD:
		return func(b []byte, v reflect.Value) []byte {
			b = strconv.AppendInt(append(b, '"'), v.Field(0).Int(), 10)
			return append(strconv.AppendInt(append(b, '.'), v.Field(1).Int(), 10), '"')
		}
	case t == typeDetail:
		return func(b []byte, v reflect.Value) []byte {
			if v.IsNil() {
				return append(b, '{', '}')
			}
			v = v.Elem().Elem() // details are pointers to structs
			return encoderOf(v.Type())(b, v)
		}
	case isOpt(t):
		inner := encoderOf(t.Field(0).Type)
		return func(b []byte, v reflect.Value) []byte { return inner(b, v.Field(0)) }
	}
	switch t.Kind() {
	case reflect.String:
		return func(b []byte, v reflect.Value) []byte { return appendString(b, v.String()) }
	case reflect.Bool:
		return func(b []byte, v reflect.Value) []byte { return strconv.AppendBool(b, v.Bool()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(b []byte, v reflect.Value) []byte { return strconv.AppendInt(b, v.Int(), 10) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(b []byte, v reflect.Value) []byte { return strconv.AppendUint(b, v.Uint(), 10) }
	case reflect.Pointer:
		elem := t.Elem()
		return func(b []byte, v reflect.Value) []byte { return encoderOf(elem)(b, v.Elem()) }
	case reflect.Slice:
		elem := encoderOf(t.Elem())
		return func(b []byte, v reflect.Value) []byte {
			b = append(b, '[')
			for i := range v.Len() {
				if i > 0 {
					b = append(b, ',')
				}
				b = elem(b, v.Index(i))
			}
			return append(b, ']')
		}
	case reflect.Map:
		return newMapEncoder(t)
	case reflect.Struct:
		return newStructEncoder(t)
	}
	panic("model: no JSON form for " + t.String())
}

// newMapEncoder writes a map with its keys sorted.
func newMapEncoder(t reflect.Type) encoder {
	elem := encoderOf(t.Elem())
	return func(b []byte, v reflect.Value) []byte {
		b = append(b, '{')
		for i, k := range sortedKeys(v) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, k), ':')
			b = elem(b, v.MapIndex(reflect.ValueOf(k)))
		}
		return append(b, '}')
	}
}

func newStructEncoder(t reflect.Type) encoder {
	fields := planOf(t)
	return func(b []byte, v reflect.Value) []byte {
		b = append(b, '{')
		first := true
		for i := range fields {
			f := &fields[i]
			fv, ok := f.value(v)
			if !ok {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = f.enc(append(b, f.key...), fv)
			if f.text {
				b = appendTwin(b, f.name, fv)
			}
		}
		return append(b, '}')
	}
}

// twin is the suffix of the key that holds a text's exact bytes in base64.
const twin = "_b64"

// appendTwin writes the exact bytes of a text that is not UTF-8. A list gets a
// twin of all its elements if one of them needs it.
func appendTwin(b []byte, name string, v reflect.Value) []byte {
	if v.Kind() == reflect.String {
		if s := v.String(); !utf8.ValidString(s) {
			b = append(append(append(b, ',', '"'), name...), twin+`":`...)
			b = appendBase64(b, s)
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
	b = append(append(append(b, ',', '"'), name...), twin+`":[`...)
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
// U+FFFD. All control and format characters are escaped, C1, DEL and those that
// turn text around included: a dump printed on a terminal must not drive it.
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
