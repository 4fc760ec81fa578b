package model

import (
	"encoding/base64"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// This encoder exists because a dump has a record for every descriptor of the
// machine, and because of two things encoding/json does not do: bytes that are
// not UTF-8 get a second field NAME_b64 that holds them exactly, and embedded
// pointers are walked without allocating. It reads the same struct tags:
// `omitzero` fields are left out while unknown, all others are always there,
// lists as [] and never null.
//
// A recorder writes everything there is every few seconds. What the types look like
// is found out once, by reflection; records are read through pointers, which takes
// half the time of reading them by reflection, too.

// Encode writes the snapshot as one JSON document, one list element a line, so
// that two dumps can be compared with diff.
func Encode(w io.Writer, s *Snapshot) error {
	b := append(make([]byte, 0, encodeBuffer), '{')
	fields := planOf(reflect.TypeFor[Snapshot]())
	for i := range fields {
		f := &fields[i]
		p, ok := f.place(unsafe.Pointer(s))
		if !ok {
			continue
		}
		if i > 0 {
			b = append(b, ',', '\n')
		}
		b = append(b, f.key...)
		if f.typ.Kind() != reflect.Slice {
			b = f.enc(b, p)
			continue
		}
		elem, size, list := encoderOf(f.typ.Elem()), f.typ.Elem().Size(), (*sliceHeader)(p)
		b = append(b, '[')
		for j := range list.length {
			if j > 0 {
				b = append(b, ',')
			}
			b = append(b, '\n')
			b = elem(b, unsafe.Add(list.data, uintptr(j)*size))
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
	rv := reflect.ValueOf(v)
	return encoderOf(rv.Type().Elem())(b, rv.UnsafePointer())
}

// encoder appends the value that p points to.
type encoder func(b []byte, p unsafe.Pointer) []byte

// How the compiler lays out slices and interfaces (package reflect relies on it,
// too; unsafe.SliceData needs to know the type).
type (
	sliceHeader struct {
		data   unsafe.Pointer
		length int
		_      int
	}
	interfaceHeader struct{ typ, data unsafe.Pointer }
)

// field is one key of a struct.
type field struct {
	name     string
	key      string // "name":
	index    []int
	typ      reflect.Type
	optional bool // omitzero
	text     bool // may need a _b64 twin
	enc      encoder

	outer  []uintptr // where the pointers are that lead to the struct it is in
	offset uintptr   // where it is in there
	empty  func(p unsafe.Pointer) bool
}

// place is where the field is in the struct at p, and whether it is to be written.
func (f *field) place(p unsafe.Pointer) (unsafe.Pointer, bool) {
	for _, at := range f.outer { // embedded pointers
		if p = *(*unsafe.Pointer)(unsafe.Add(p, at)); p == nil {
			return nil, false
		}
	}
	p = unsafe.Add(p, f.offset)
	return p, !f.optional || !f.empty(p)
}

// emptyOf makes what tells the zero value of a type, as reflect.Value.IsZero does.
func emptyOf(t reflect.Type) func(p unsafe.Pointer) bool {
	switch t.Kind() {
	case reflect.String:
		return func(p unsafe.Pointer) bool { return *(*string)(p) == "" }
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
		return func(p unsafe.Pointer) bool { return *(*unsafe.Pointer)(p) == nil }
	case reflect.Struct:
		if isOpt(t) { // the zero value is the unknown one
			known := t.Field(1).Offset
			return func(p unsafe.Pointer) bool { return !*(*bool)(unsafe.Add(p, known)) }
		}
		fallthrough
	case reflect.Array:
		return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Elem().IsZero() }
	}
	switch t.Size() {
	case 1:
		return func(p unsafe.Pointer) bool { return *(*uint8)(p) == 0 }
	case 2:
		return func(p unsafe.Pointer) bool { return *(*uint16)(p) == 0 }
	case 4:
		return func(p unsafe.Pointer) bool { return *(*uint32)(p) == 0 }
	}
	return func(p unsafe.Pointer) bool { return *(*uint64)(p) == 0 }
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
				f.outer = append([]uintptr{sf.Offset}, f.outer...)
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
			typ:      sf.Type,
			offset:   sf.Offset,
			empty:    emptyOf(sf.Type),
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
		return func(b []byte, p unsafe.Pointer) []byte {
			return append((*time.Time)(p).UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
		}
	case t == typeBig:
		return func(b []byte, p unsafe.Pointer) []byte {
			return append(strconv.AppendUint(append(b, '"'), uint64(*(*Big)(p)), 10), '"')
		}
	case t == typeAddr:
		return func(b []byte, p unsafe.Pointer) []byte {
			return append(strconv.AppendUint(append(b, `"0x`...), uint64(*(*Addr)(p)), 16), '"')
		}
	case t == typeRatio:
		return func(b []byte, p unsafe.Pointer) []byte {
			return strconv.AppendFloat(b, float64(int64(float64(*(*Ratio)(p))*10000+0.5))/10000, 'f', -1, 64)
		}
	case t == typeOFD:
		return func(b []byte, p unsafe.Pointer) []byte {
			o := (*OFD)(p)
			b = strconv.AppendInt(append(b, '"'), int64(o.PID), 10)
			return append(strconv.AppendInt(append(b, '.'), int64(o.FD), 10), '"')
		}
	case t == typeDetail:
		return func(b []byte, p unsafe.Pointer) []byte {
			d := *(*Detail)(p)
			if d == nil {
				return append(b, '{', '}')
			}
			// Details are pointers to structs, and lie in the interface as they are.
			return encoderOf(reflect.TypeOf(d).Elem())(b, (*interfaceHeader)(p).data)
		}
	case isOpt(t):
		return encoderOf(t.Field(0).Type) // the value comes first
	}
	switch t.Kind() {
	case reflect.String:
		return func(b []byte, p unsafe.Pointer) []byte { return appendString(b, *(*string)(p)) }
	case reflect.Bool:
		return func(b []byte, p unsafe.Pointer) []byte { return strconv.AppendBool(b, *(*bool)(p)) }
	case reflect.Int:
		return func(b []byte, p unsafe.Pointer) []byte { return strconv.AppendInt(b, int64(*(*int)(p)), 10) }
	case reflect.Int32:
		return func(b []byte, p unsafe.Pointer) []byte { return strconv.AppendInt(b, int64(*(*int32)(p)), 10) }
	case reflect.Int64:
		return func(b []byte, p unsafe.Pointer) []byte { return strconv.AppendInt(b, *(*int64)(p), 10) }
	case reflect.Uint32:
		return func(b []byte, p unsafe.Pointer) []byte { return strconv.AppendUint(b, uint64(*(*uint32)(p)), 10) }
	case reflect.Uint64:
		return func(b []byte, p unsafe.Pointer) []byte { return strconv.AppendUint(b, *(*uint64)(p), 10) }
	case reflect.Pointer:
		elem := sync.OnceValue(func() encoder { return encoderOf(t.Elem()) }) // which may be being made
		return func(b []byte, p unsafe.Pointer) []byte { return elem()(b, *(*unsafe.Pointer)(p)) }
	case reflect.Slice:
		elem, size := encoderOf(t.Elem()), t.Elem().Size()
		return func(b []byte, p unsafe.Pointer) []byte {
			list := (*sliceHeader)(p)
			b = append(b, '[')
			for i := range list.length {
				if i > 0 {
					b = append(b, ',')
				}
				b = elem(b, unsafe.Add(list.data, uintptr(i)*size))
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

// newMapEncoder writes a map with its keys sorted. There are few of them.
func newMapEncoder(t reflect.Type) encoder {
	elem := encoderOf(t.Elem())
	return func(b []byte, p unsafe.Pointer) []byte {
		v := reflect.NewAt(t, p).Elem()
		value := reflect.New(t.Elem())
		b = append(b, '{')
		for i, k := range sortedKeys(v) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, k), ':')
			value.Elem().Set(v.MapIndex(reflect.ValueOf(k)))
			b = elem(b, value.UnsafePointer())
		}
		return append(b, '}')
	}
}

func newStructEncoder(t reflect.Type) encoder {
	fields := planOf(t)
	return func(b []byte, p unsafe.Pointer) []byte {
		b = append(b, '{')
		first := true
		for i := range fields {
			f := &fields[i]
			at, ok := f.place(p)
			if !ok {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = f.enc(append(b, f.key...), at)
			if f.text {
				b = appendTwin(b, f, at)
			}
		}
		return append(b, '}')
	}
}

// twin is the suffix of the key that holds a text's exact bytes in base64.
const twin = "_b64"

// appendTwin writes the exact bytes of a text that is not UTF-8. A list gets a
// twin of all its elements if one of them needs it.
func appendTwin(b []byte, f *field, p unsafe.Pointer) []byte {
	if f.typ.Kind() == reflect.String {
		if s := *(*string)(p); !utf8.ValidString(s) {
			b = append(append(append(b, ',', '"'), f.name...), twin+`":`...)
			b = appendBase64(b, s)
		}
		return b
	}
	list := *(*[]string)(p) // a list of some type of text
	if !slices.ContainsFunc(list, func(s string) bool { return !utf8.ValidString(s) }) {
		return b
	}
	b = append(append(append(b, ',', '"'), f.name...), twin+`":[`...)
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendBase64(b, s)
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
