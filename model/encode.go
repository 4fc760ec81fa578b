package model

import (
	"cmp"
	"io"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Encode writes the snapshot as one JSON document with one list element per line, so
// that two dumps can be compared with diff. Fields tagged omitzero are left out if they
// are unknown. All others are always written; an empty list is [] and never null.
func Encode(w io.Writer, s *Snapshot) error {
	b := append(make([]byte, 0, encodeBuffer), '{')
	v := reflect.ValueOf(s).Elem()
	fields := planOf(v.Type())
	for i := range fields {
		f := &fields[i]
		list, ok := f.in(v)
		if !ok {
			continue
		}
		if i > 0 {
			b = append(b, ',', '\n')
		}
		b = append(b, f.key...)
		if f.typ.Kind() != reflect.Slice {
			b = f.enc(b, list)
			continue
		}
		elem := encoderOf(f.typ.Elem())
		b = append(b, '[')
		for j := range list.Len() {
			if j > 0 {
				b = append(b, ',')
			}
			b = elem(append(b, '\n'), list.Index(j))
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
// one line. v must be a pointer to a struct with the tags of this package.
func AppendJSON(b []byte, v any) []byte {
	rv := reflect.ValueOf(v).Elem()
	return encoderOf(rv.Type())(b, rv)
}

// encoder appends a value, which must be addressable.
type encoder func(b []byte, v reflect.Value) []byte

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
			return append(v.Addr().Interface().(*time.Time).UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
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
	case t == typeNumbers:
		return func(b []byte, v reflect.Value) []byte { return appendNumbers(b, v.Interface().(map[string]uint64)) }
	case t == typeDetail:
		return func(b []byte, v reflect.Value) []byte {
			if v.IsNil() {
				return append(b, '{', '}')
			}
			d := v.Elem().Elem()
			return encoderOf(d.Type())(b, d)
		}
	case isOpt(t):
		value := encoderOf(t.Field(0).Type)
		return func(b []byte, v reflect.Value) []byte { return value(b, v.Field(0)) }
	}
	switch t.Kind() {
	case reflect.String:
		return func(b []byte, v reflect.Value) []byte { return appendString(b, v.String()) }
	case reflect.Bool:
		return func(b []byte, v reflect.Value) []byte { return strconv.AppendBool(b, v.Bool()) }
	case reflect.Int, reflect.Int32, reflect.Int64:
		return func(b []byte, v reflect.Value) []byte { return strconv.AppendInt(b, v.Int(), 10) }
	case reflect.Uint32, reflect.Uint64:
		return func(b []byte, v reflect.Value) []byte { return strconv.AppendUint(b, v.Uint(), 10) }
	case reflect.Pointer:
		elem := sync.OnceValue(func() encoder { return encoderOf(t.Elem()) }) // on first use: the type may contain itself
		return func(b []byte, v reflect.Value) []byte { return elem()(b, v.Elem()) }
	case reflect.Slice:
		return newListEncoder(t)
	case reflect.Map:
		return newMapEncoder(t)
	case reflect.Struct:
		return newStructEncoder(t)
	}
	panic("model: no JSON form for " + t.String())
}

func newListEncoder(t reflect.Type) encoder {
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
}

// appendNumbers writes the namespaces of a process. It is optimised, because every process has
// them.
func appendNumbers(b []byte, m map[string]uint64) []byte {
	var room [16]string
	keys := room[:0]
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(append(appendString(b, k), ':'), m[k], 10)
	}
	return append(b, '}')
}

// newMapEncoder writes a map with its keys sorted. There are few of them.
func newMapEncoder(t reflect.Type) encoder {
	elem := encoderOf(t.Elem())
	return func(b []byte, v reflect.Value) []byte {
		value := reflect.New(t.Elem()).Elem()
		b = append(b, '{')
		for i, k := range sortedKeys(v) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, k.String()), ':')
			value.Set(v.MapIndex(k))
			b = elem(b, value)
		}
		return append(b, '}')
	}
}

func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	return keys
}

func newStructEncoder(t reflect.Type) encoder {
	fields := planOf(t)
	return func(b []byte, v reflect.Value) []byte {
		b = append(b, '{')
		first := true
		for i := range fields {
			f := &fields[i]
			fv, ok := f.in(v)
			if !ok {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = f.enc(append(b, f.key...), fv)
			if f.exactKey != "" {
				b = appendExact(b, f, fv)
			}
		}
		return append(b, '}')
	}
}
