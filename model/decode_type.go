package model

import (
	"encoding/base64"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// decoder reads a value into a field. It starts at the value, or at white space before
// it.
type decoder func(d *decoding, v reflect.Value) error

func decoderOf(t reflect.Type) decoder {
	if dec, ok := decoders.Load(t); ok {
		return dec.(decoder)
	}
	dec := newDecoder(t)
	decoders.Store(t, dec)
	return dec
}

func newDecoder(t reflect.Type) decoder {
	switch {
	case t == typeTime:
		return textDecoder("a time", func(v reflect.Value, text []byte) error {
			at, err := time.Parse(time.RFC3339Nano, string(text))
			*v.Addr().Interface().(*time.Time) = at
			return err
		})
	case t == typeBig, t == typeAddr:
		return textDecoder("a string of digits", func(v reflect.Value, text []byte) error {
			n, err := strconv.ParseUint(string(text), 0, 64)
			v.SetUint(n)
			return err
		})
	case t == typeOFD:
		return textDecoder("PID.FD", func(v reflect.Value, text []byte) error {
			o, err := ParseOFD(string(text))
			*v.Addr().Interface().(*OFD) = o
			return err
		})
	case t == typeDetail:
		return func(d *decoding, v reflect.Value) error { return d.skip(0) } // see readDetail
	case isOpt(t):
		return newOptDecoder(t)
	}
	switch t.Kind() {
	case reflect.String:
		return decodeString
	case reflect.Bool:
		return decodeBool
	case reflect.Int, reflect.Int32, reflect.Int64:
		return decodeInt
	case reflect.Uint32, reflect.Uint64:
		return decodeUint
	case reflect.Float64:
		return decodeFloat
	case reflect.Pointer:
		elem := sync.OnceValue(func() decoder { return decoderOf(t.Elem()) }) // on first use: the type may contain itself
		return func(d *decoding, v reflect.Value) error {
			if null, err := d.null(); null || err != nil {
				return err
			}
			p := d.new(t.Elem())
			v.Set(p)
			return elem()(d, p.Elem())
		}
	case reflect.Slice:
		return newListDecoder(t)
	case reflect.Map:
		return newMapDecoder(t)
	case reflect.Struct:
		return newStructDecoder(t)
	}
	panic("model: no JSON form for " + t.String())
}

// optional is implemented by *Opt.
type optional interface {
	// makeKnown makes the value known and returns a pointer to it.
	makeKnown() any
}

func (o *Opt[T]) makeKnown() any {
	o.known = true
	return &o.value
}

func newOptDecoder(t reflect.Type) decoder {
	value := decoderOf(t.Field(0).Type)
	return func(d *decoding, v reflect.Value) error {
		if null, err := d.null(); null || err != nil {
			return err
		}
		o := v.Addr().Interface().(optional)
		return value(d, reflect.ValueOf(o.makeKnown()).Elem())
	}
}

// textDecoder returns a decoder of values that are a string in JSON and another type in Go.
func textDecoder(want string, set func(v reflect.Value, text []byte) error) decoder {
	return func(d *decoding, v reflect.Value) error {
		if d.peek() != '"' {
			return d.orNull(want)
		}
		text, err := d.text()
		if err != nil {
			return err
		}
		if set(v, text) != nil {
			return &valueError{want: want}
		}
		return nil
	}
}

// orNull skips null; anything else is an error.
func (d *decoding) orNull(want string) error {
	if null, err := d.null(); null || err != nil {
		return err
	}
	return d.wrong(want)
}

func decodeString(d *decoding, v reflect.Value) error {
	if d.peek() != '"' {
		return d.orNull("a string")
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	v.SetString(d.string(text))
	return nil
}

func decodeBool(d *decoding, v reflect.Value) error {
	switch d.peek() {
	case 't':
		v.SetBool(true)
		return d.word("true")
	case 'f':
		v.SetBool(false)
		return d.word("false")
	}
	return d.orNull("true or false")
}

func decodeInt(d *decoding, v reflect.Value) error {
	const want = "an integer"
	number, err := d.numberOr(want)
	if number == nil || err != nil {
		return err
	}
	n, err := strconv.ParseInt(string(number), 10, v.Type().Bits())
	if err != nil {
		return &valueError{want: want}
	}
	v.SetInt(n)
	return nil
}

func decodeUint(d *decoding, v reflect.Value) error {
	const want = "an integer that is not negative"
	number, err := d.numberOr(want)
	if number == nil || err != nil {
		return err
	}
	n, err := strconv.ParseUint(string(number), 10, v.Type().Bits())
	if err != nil {
		return &valueError{want: want}
	}
	v.SetUint(n)
	return nil
}

func decodeFloat(d *decoding, v reflect.Value) error {
	const want = "a number"
	number, err := d.numberOr(want)
	if number == nil || err != nil {
		return err
	}
	n, err := strconv.ParseFloat(string(number), 64)
	if err != nil || math.IsInf(n, 0) {
		return &valueError{want: want}
	}
	v.SetFloat(n)
	return nil
}

// numberOr reads a number. The result is nil if it finds null; anything else is an
// error.
func (d *decoding) numberOr(want string) ([]byte, error) {
	if c := d.peek(); c != '-' && !isDigit(c) {
		return nil, d.orNull(want)
	}
	return d.number()
}

// fieldAt finds the field with a key, starting at the index likely: keys are normally in
// the order of the fields. It returns -1 if there is none.
func fieldAt(fields []field, key []byte, likely int) int {
	for i := likely; i < len(fields); i++ {
		if fields[i].name == string(key) {
			return i
		}
	}
	for i := range fields[:likely] {
		if fields[i].name == string(key) {
			return i
		}
	}
	return -1
}

func newStructDecoder(t reflect.Type) decoder {
	fields := planOf(t)
	return func(d *decoding, v reflect.Value) error {
		if d.peek() != '{' {
			return d.orNull("an object")
		}
		d.pos++
		likely, detail, companions := 0, 0, len(d.exact)
		for first := true; ; first = false {
			more, err := d.more('}', first)
			if err != nil {
				return err
			}
			if !more {
				break
			}
			key, err := d.key()
			if err != nil {
				return err
			}
			if err := d.take(0); err != nil {
				return err
			}
			i := fieldAt(fields, key, likely)
			if i < 0 {
				if f := exactOf(fields, key); f != nil {
					d.exact = append(d.exact, companion{f, d.pos})
				}
				if err := d.skip(0); err != nil {
					return err
				}
				continue
			}
			f := &fields[i]
			likely = i + 1
			if f.typ == typeDetail {
				detail = d.pos
			}
			if err := f.dec(d, d.field(f, v)); err != nil {
				return inside(err, f.name)
			}
		}
		d.readExact(v, d.exact[companions:])
		d.exact = d.exact[:companions]
		if t == typeObject {
			return d.readDetail(v.Addr().Interface().(*Object), detail)
		}
		return nil
	}
}

// readDetail reads an object's detail once its kind is known. Fields that are missing in
// the text are unknown.
func (d *decoding) readDetail(o *Object, at int) error {
	info, ok := LookupKind(o.Kind)
	if !ok || info.NewDetail == nil {
		return nil
	}
	o.Detail = info.NewDetail()
	v := reflect.ValueOf(o.Detail).Elem()
	if err := d.take(int64(v.Type().Size())); err != nil || at == 0 {
		return err
	}
	end := d.pos
	d.pos = at
	err := inside(decoderOf(v.Type())(d, v), "detail")
	d.pos = end
	return err
}

// exactOf returns the field whose base64 companion has this key.
func exactOf(fields []field, key []byte) *field {
	name, ok := strings.CutSuffix(string(key), exactSuffix)
	if !ok {
		return nil
	}
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name && f.exactKey != "" })
	if i < 0 {
		return nil
	}
	return &fields[i]
}

// readExact replaces texts by the exact bytes of their companions. It ignores a companion
// that does not match its text.
func (d *decoding) readExact(v reflect.Value, companions []companion) {
	if len(companions) == 0 {
		return
	}
	end := d.pos
	for _, c := range companions {
		d.pos = c.at
		fv, ok := c.field.in(v)
		if !ok || fv.Len() == 0 {
			continue
		}
		if fv.Kind() == reflect.String {
			d.setExact(fv)
			continue
		}
		n := 0
		if d.peek() != '[' || d.length() != fv.Len() {
			continue
		}
		for d.pos++; n < fv.Len(); n++ {
			if more, err := d.more(']', n == 0); !more || err != nil {
				break
			}
			d.setExact(fv.Index(n))
		}
	}
	d.pos = end
}

// length counts the elements of a list that is known to be valid JSON, without moving the
// position.
func (d *decoding) length() int {
	start := d.pos
	d.pos++
	n := 0
	for ; ; n++ {
		if more, err := d.more(']', n == 0); !more || err != nil || d.skip(0) != nil {
			break
		}
	}
	d.pos = start
	return n
}

// setExact sets a text to the bytes of a base64 value, if the value is valid.
func (d *decoding) setExact(v reflect.Value) {
	if d.peek() != '"' {
		_ = d.skip(0) // no error: it was skipped once before
		return
	}
	text, err := d.text()
	if err != nil {
		return
	}
	if b, err := base64.StdEncoding.DecodeString(string(text)); err == nil {
		v.SetString(string(b))
	}
}
