package model

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// FieldInfo describes one field of the JSON document. `ipctop explain`, `ipctop show`
// and the JSON Schema use it.
type FieldInfo struct {
	// Path is its place in the document, without list markers: "objects.holders.ofd".
	// A detail's fields are under "objects.detail".
	Path string

	// Kinds are the kinds whose detail has the field; empty elsewhere.
	Kinds []Kind

	Type     string // its JSON type in words: "integer", "list of strings" …
	Unit     string // the unit of a number; "" if it is obvious
	Doc      string // one line about it
	Optional bool   // it is missing if it is unknown
}

// Name is the field's own name, the last part of its path.
func (f FieldInfo) Name() string { return f.Path[strings.LastIndexByte(f.Path, '.')+1:] }

// Fields lists the fields of the JSON document in its order. If the details of several
// kinds have an identical field, it is listed once.
func Fields() []FieldInfo { return slices.Clone(allFields()) }

var allFields = sync.OnceValue(func() []FieldInfo {
	var list []FieldInfo
	appendFields(&list, "", reflect.TypeFor[Snapshot]())
	return list
})

// DetailFields lists the fields of one kind's detail, in order, their paths
// beginning with "objects.detail".
func DetailFields(k Kind) []FieldInfo {
	var list []FieldInfo
	for _, f := range allFields() {
		if slices.Contains(f.Kinds, k) {
			f.Kinds = []Kind{k}
			list = append(list, f)
		}
	}
	return list
}

func appendFields(list *[]FieldInfo, prefix string, t reflect.Type) {
	for _, sf := range jsonFields(t) {
		f := describeField(prefix, sf)
		*list = append(*list, f)
		if sf.Type == typeDetail {
			appendDetails(list, f.Path+".")
			continue
		}
		if inner := recordType(sf.Type); inner != nil {
			appendFields(list, f.Path+".", inner)
		}
	}
}

// appendDetails adds the fields of all details. The fields of a shared struct, and
// identical fields, are added once.
func appendDetails(list *[]FieldInfo, prefix string) {
	start := len(*list)
	for _, k := range Kinds() {
		if k.NewDetail == nil {
			continue
		}
		var own []FieldInfo
		appendFields(&own, prefix, reflect.TypeOf(k.NewDetail()).Elem())
		for _, f := range own {
			i := slices.IndexFunc((*list)[start:], func(g FieldInfo) bool {
				return g.Path == f.Path && g.Type == f.Type && g.Unit == f.Unit && g.Doc == f.Doc
			})
			if i < 0 {
				*list = append(*list, f)
				i = len(*list) - start - 1
			}
			(*list)[start+i].Kinds = append((*list)[start+i].Kinds, k.Name)
		}
	}
}

func describeField(prefix string, sf reflect.StructField) FieldInfo {
	name, opts, _ := strings.Cut(sf.Tag.Get("json"), ",")
	return FieldInfo{
		Path:     prefix + name,
		Type:     typeWords(sf.Type),
		Unit:     sf.Tag.Get("unit"),
		Doc:      sf.Tag.Get("doc"),
		Optional: opts == "omitzero",
	}
}

// jsonFields lists the fields of a struct that have a key, with the fields of embedded
// structs at the place of the struct. These are optional: the embedded pointer may be nil.
func jsonFields(t reflect.Type) []reflect.StructField {
	var list []reflect.StructField
	for i := range t.NumField() {
		sf := t.Field(i)
		if sf.Anonymous && sf.Type.Kind() == reflect.Pointer {
			for _, inner := range jsonFields(sf.Type.Elem()) {
				inner.Index = append([]int{i}, inner.Index...)
				list = append(list, inner)
			}
			continue
		}
		if name, _, _ := strings.Cut(sf.Tag.Get("json"), ","); name != "" && name != "-" {
			list = append(list, sf)
		}
	}
	return list
}

// recordType returns the struct type behind a field's pointer, list, map or [Opt]; nil
// if there is a plain value.
func recordType(t reflect.Type) reflect.Type {
	switch {
	case isScalar(t):
		return nil
	case isOpt(t):
		return recordType(t.Field(0).Type)
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return recordType(t.Elem())
	case reflect.Struct:
		return t
	}
	return nil
}

// isScalar reports whether values of t are neither object nor list in JSON, whatever
// they are in Go.
func isScalar(t reflect.Type) bool {
	return t == typeTime || t == typeBig || t == typeAddr || t == typeRatio || t == typeOFD
}

func typeWords(t reflect.Type) string {
	switch {
	case t == typeTime:
		return "time (RFC 3339)"
	case t == typeBig:
		return "string of decimal digits"
	case t == typeAddr:
		return "string of hexadecimal digits"
	case t == typeRatio:
		return "number"
	case t == typeDetail:
		return "object"
	case isOpt(t):
		return typeWords(t.Field(0).Type)
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "number"
	case reflect.Pointer:
		return typeWords(t.Elem())
	case reflect.Slice:
		return "list of " + plural(typeWords(t.Elem()))
	case reflect.Map, reflect.Struct:
		if t == typeOFD {
			return "string"
		}
		return "object"
	}
	return "integer"
}

func plural(words string) string {
	if rest, ok := strings.CutPrefix(words, "list of "); ok {
		return "lists of " + rest
	}
	return words + "s"
}

// FieldValue is a field of one record together with its value.
type FieldValue struct {
	FieldInfo

	// Value is a bool, string, int64, uint64, float64 or [time.Time], a
	// [fmt.Stringer] of this package, a []string, or something else that has
	// fields of its own.
	Value any
}

// Values lists the known fields of a record (a [Process], an [Object], a [Detail] …)
// in order, with their values. record is a pointer to a struct of this package; the
// paths are relative to it.
func Values(record any) []FieldValue {
	v := reflect.ValueOf(record)
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	v = reflect.Indirect(v)
	var list []FieldValue
	for _, sf := range jsonFields(v.Type()) {
		fv, err := v.FieldByIndexErr(sf.Index)
		f := describeField("", sf)
		if err != nil || f.Optional && fv.IsZero() {
			continue
		}
		list = append(list, FieldValue{f, plainValue(fv)})
	}
	return list
}

// Without returns a copy of a detail in which one field, named as in JSON, is unknown.
func Without(d Detail, field string) Detail {
	v := reflect.ValueOf(d).Elem()
	c := reflect.New(v.Type())
	c.Elem().Set(v)
	for _, sf := range jsonFields(v.Type()) {
		if name, _, _ := strings.Cut(sf.Tag.Get("json"), ","); name == field && len(sf.Index) == 1 {
			c.Elem().FieldByIndex(sf.Index).SetZero()
		}
	}
	return c.Interface().(Detail)
}

// plainValue takes a value out of its [Opt] and named basic type.
func plainValue(v reflect.Value) any {
	t := v.Type()
	switch {
	case isOpt(t):
		return plainValue(v.MethodByName("Get").Call(nil)[0])
	case isScalar(t) && t != typeRatio:
		return v.Interface()
	}
	switch {
	case v.CanInt():
		return v.Int()
	case v.CanUint():
		return v.Uint()
	case v.CanFloat():
		return v.Float()
	}
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	}
	return v.Interface()
}
