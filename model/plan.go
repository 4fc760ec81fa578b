package model

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Reflection analyses each type once and stores the result in a plan. Encoding and
// decoding follow the plans.
//
// Both use the struct tags of encoding/json, and do three things that it does not:
// bytes that are not UTF-8 get a second field NAME_b64 that holds them exactly, an
// [Opt] needs no allocation, and a [Detail] is read as the struct of its object's kind.

// field is one key of a struct.
type field struct {
	name     string
	key      string // "name":
	exactKey string // ,"name_b64": where the field may need a base64 companion; else ""
	typ      reflect.Type
	outer    []int // the embedded pointers that lead to its struct
	index    int   // its index in that struct
	optional bool  // omitzero

	enc   encoder
	dec   decoder
	empty func(v reflect.Value) bool
}

// in returns the field's value in a struct. ok is false if it must not be written.
func (f *field) in(v reflect.Value) (fv reflect.Value, ok bool) {
	for _, i := range f.outer {
		if v = v.Field(i); v.IsNil() {
			return v, false
		}
		v = v.Elem()
	}
	v = v.Field(f.index)
	return v, !f.optional || !f.empty(v)
}

var (
	plans    sync.Map // reflect.Type → []field
	encoders sync.Map // reflect.Type → encoder
	decoders sync.Map // reflect.Type → decoder

	typeTime    = reflect.TypeFor[time.Time]()
	typeBig     = reflect.TypeFor[Big]()
	typeAddr    = reflect.TypeFor[Addr]()
	typeRatio   = reflect.TypeFor[Ratio]()
	typeNumbers = reflect.TypeFor[map[string]uint64]()
	typeOFD     = reflect.TypeFor[OFD]()
	typeDetail  = reflect.TypeFor[Detail]()
	typeObject  = reflect.TypeFor[Object]()
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
				f.outer = append([]int{i}, f.outer...)
				f.optional = true
				fields = append(fields, f)
			}
			continue
		}
		name, opts, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		f := field{
			name:     name,
			key:      strconv.Quote(name) + ":",
			typ:      sf.Type,
			index:    i,
			optional: opts == "omitzero",
			enc:      encoderOf(sf.Type),
			dec:      decoderOf(sf.Type),
			empty:    emptyOf(sf.Type),
		}
		if isText(sf.Type) {
			f.exactKey = "," + strconv.Quote(name+exactSuffix) + ":"
		}
		fields = append(fields, f)
	}
	plans.Store(t, fields)
	return fields
}

// emptyOf returns a function that recognises the zero value of a type, like
// [reflect.Value.IsZero].
func emptyOf(t reflect.Type) func(v reflect.Value) bool {
	if isOpt(t) {
		return func(v reflect.Value) bool { return !v.Field(1).Bool() } // known
	}
	switch t.Kind() {
	case reflect.String:
		return func(v reflect.Value) bool { return v.Len() == 0 }
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
		return reflect.Value.IsNil
	case reflect.Bool:
		return func(v reflect.Value) bool { return !v.Bool() }
	case reflect.Int, reflect.Int32, reflect.Int64:
		return func(v reflect.Value) bool { return v.Int() == 0 }
	case reflect.Uint32, reflect.Uint64:
		return func(v reflect.Value) bool { return v.Uint() == 0 }
	}
	return reflect.Value.IsZero
}

func isText(t reflect.Type) bool {
	return t.Kind() == reflect.String || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String
}

// isOpt reports whether t is an Opt.
func isOpt(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == typeBig.PkgPath() && strings.HasPrefix(t.Name(), "Opt[")
}
