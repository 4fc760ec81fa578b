package model

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNotDump is returned by [Decode] for input that is no ipctop dump at all.
var ErrNotDump = errors.New("not an ipctop dump")

// Decode reads the document that [Encode] writes. Keys it does not know are
// passed over, so that dumps of a later ipctop with the same schema number
// stay readable; a higher schema number is refused.
//
// The error says what is wrong in words fit for a user: that the input is
// empty, is not JSON, is no dump, is cut off (and after how many bytes), or
// which key holds what it should not.
func Decode(r io.Reader) (*Snapshot, error) {
	dec := json.NewDecoder(r)
	dec.UseNumber()
	s := new(Snapshot)
	if err := decodeDocument(dec, s); err != nil {
		return nil, describe(err, dec.InputOffset())
	}
	return s, nil
}

func describe(err error, offset int64) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF) && offset == 0:
		return fmt.Errorf("%w: it is empty", ErrNotDump)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the dump is cut off after %d bytes", offset)
	case errors.As(err, &syntax) && offset == 0:
		return fmt.Errorf("%w: it is not JSON", ErrNotDump)
	case errors.As(err, &syntax):
		return fmt.Errorf("not valid JSON at byte %d: %w", syntax.Offset, err)
	}
	return err
}

func decodeDocument(dec *json.Decoder, s *Snapshot) error {
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	if tok != json.Delim('{') {
		return fmt.Errorf("%w: it is JSON, but not an object", ErrNotDump)
	}
	v := reflect.ValueOf(s).Elem()
	fields := planOf(v.Type())
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := tok.(string)
		if s.Schema == "" && key != "schema" {
			return fmt.Errorf("%w: it does not begin with \"schema\"", ErrNotDump)
		}
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key })
		if i < 0 {
			var skip json.RawMessage
			if err := dec.Decode(&skip); err != nil {
				return err
			}
			continue
		}
		if err := decodeTop(dec, v.Field(fields[i].index[0]), key); err != nil {
			return err
		}
		if key == "schema" {
			if err := checkSchema(s.Schema); err != nil {
				return err
			}
		}
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	if s.Schema == "" {
		return fmt.Errorf("%w: it has no \"schema\"", ErrNotDump)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more follows after the end of the dump")
	}
	return nil
}

// decodeTop reads one top-level value; lists element by element, so that no
// more than one element is held twice.
func decodeTop(dec *json.Decoder, v reflect.Value, key string) error {
	if v.Kind() != reflect.Slice {
		var x any
		if err := dec.Decode(&x); err != nil {
			return err
		}
		return assign(v, x, key)
	}
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	if tok != json.Delim('[') {
		return fmt.Errorf("%s: want a list", key)
	}
	list := reflect.MakeSlice(v.Type(), 0, 16)
	for dec.More() {
		var x any
		if err := dec.Decode(&x); err != nil {
			return err
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		if err := assign(elem, x, key+"["+strconv.Itoa(list.Len())+"]"); err != nil {
			return err
		}
		list = reflect.Append(list, elem)
	}
	v.Set(list)
	_, err = dec.Token()
	return err
}

func checkSchema(schema string) error {
	own, _ := strconv.Atoi(strings.TrimPrefix(Schema, "ipctop/"))
	number, ok := strings.CutPrefix(schema, "ipctop/")
	n, err := strconv.Atoi(number)
	switch {
	case !ok || err != nil || n < 1:
		return fmt.Errorf("%w: its schema is %q", ErrNotDump, schema)
	case n > own:
		return fmt.Errorf("the dump has schema %s, this ipctop reads up to %s: use a newer ipctop", schema, Schema)
	}
	return nil
}

// UnmarshalRecord reads one record that [AppendJSON] wrote into v, a pointer to
// a type of this package.
func UnmarshalRecord(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var x any
	if err := dec.Decode(&x); err != nil {
		return describe(err, dec.InputOffset())
	}
	return assign(reflect.ValueOf(v).Elem(), x, "record")
}

func sortedKeys(v reflect.Value) []string {
	keys := make([]string, 0, v.Len())
	for _, k := range v.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.SortFunc(keys, cmp.Compare[string])
	return keys
}

// optDecoder is implemented by *Opt.
type optDecoder interface {
	optDecode(func(reflect.Value) error) error
}

func (o *Opt[T]) optDecode(f func(reflect.Value) error) error {
	o.known = true
	return f(reflect.ValueOf(&o.value).Elem())
}

// assign puts decoded JSON x into v. path names the place in errors.
func assign(v reflect.Value, x any, path string) error {
	if x == nil {
		return nil
	}
	if v.CanAddr() {
		if o, ok := v.Addr().Interface().(optDecoder); ok {
			return o.optDecode(func(inner reflect.Value) error { return assign(inner, x, path) })
		}
	}
	bad := func(want string) error { return fmt.Errorf("%s: want %s", path, want) }
	switch v.Type() {
	case typeTime:
		s, _ := x.(string)
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return bad("a time")
		}
		v.Set(reflect.ValueOf(t))
		return nil
	case typeBig, typeAddr:
		s, _ := x.(string)
		n, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			return bad("a string of digits")
		}
		v.SetUint(n)
		return nil
	case typeOFD:
		s, _ := x.(string)
		o, err := ParseOFD(s)
		if err != nil {
			return bad("PID.FD")
		}
		v.Set(reflect.ValueOf(o))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		s, ok := x.(string)
		if !ok {
			return bad("a string")
		}
		v.SetString(s)
	case reflect.Bool:
		t, ok := x.(bool)
		if !ok {
			return bad("true or false")
		}
		v.SetBool(t)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, _ := x.(json.Number)
		i, err := strconv.ParseInt(n.String(), 10, v.Type().Bits())
		if err != nil {
			return bad("an integer")
		}
		v.SetInt(i)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, _ := x.(json.Number)
		i, err := strconv.ParseUint(n.String(), 10, v.Type().Bits())
		if err != nil {
			return bad("an integer that is not negative")
		}
		v.SetUint(i)
	case reflect.Float64:
		n, _ := x.(json.Number)
		f, err := n.Float64()
		if err != nil || math.IsInf(f, 0) {
			return bad("a number")
		}
		v.SetFloat(f)
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		if err := assign(p.Elem(), x, path); err != nil {
			return err
		}
		v.Set(p)
	case reflect.Slice:
		list, ok := x.([]any)
		if !ok {
			return bad("a list")
		}
		s := reflect.MakeSlice(v.Type(), len(list), len(list))
		for i, e := range list {
			if err := assign(s.Index(i), e, path+"["+strconv.Itoa(i)+"]"); err != nil {
				return err
			}
		}
		v.Set(s)
	case reflect.Map:
		m, ok := x.(map[string]any)
		if !ok {
			return bad("an object")
		}
		out := reflect.MakeMapWithSize(v.Type(), len(m))
		for k, e := range m {
			elem := reflect.New(v.Type().Elem()).Elem()
			if err := assign(elem, e, path+"."+k); err != nil {
				return err
			}
			out.SetMapIndex(reflect.ValueOf(k), elem)
		}
		v.Set(out)
	case reflect.Struct:
		m, ok := x.(map[string]any)
		if !ok {
			return bad("an object")
		}
		return assignStruct(v, m, path)
	default:
		return fmt.Errorf("%s: no way to read a %s", path, v.Type())
	}
	return nil
}

func assignStruct(v reflect.Value, m map[string]any, path string) error {
	fields := planOf(v.Type())
	for i := range fields {
		f := &fields[i]
		x, ok := m[f.name]
		if !ok {
			continue
		}
		if f.text {
			x = exactText(x, m[f.name+twin])
		}
		fv := v
		for j, index := range f.index {
			if j > 0 {
				if fv.IsNil() {
					fv.Set(reflect.New(fv.Type().Elem()))
				}
				fv = fv.Elem()
			}
			fv = fv.Field(index)
		}
		place := path + "." + f.name
		if fv.Type() == typeDetail {
			kind, _ := m["kind"].(string)
			info, ok := LookupKind(Kind(kind))
			if !ok || info.NewDetail == nil {
				continue
			}
			d := info.NewDetail()
			if err := assign(reflect.ValueOf(d).Elem(), x, place); err != nil {
				return err
			}
			fv.Set(reflect.ValueOf(d))
			continue
		}
		if err := assign(fv, x, place); err != nil {
			return err
		}
	}
	return nil
}

// exactText replaces text by the exact bytes of its twin, if it has one.
func exactText(x, exact any) any {
	switch e := exact.(type) {
	case string:
		if b, err := base64.StdEncoding.DecodeString(e); err == nil {
			return string(b)
		}
	case []any:
		list, ok := x.([]any)
		if !ok || len(list) != len(e) {
			return x
		}
		for i := range list {
			list[i] = exactText(list[i], e[i])
		}
	}
	return x
}
