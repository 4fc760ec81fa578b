package query

import (
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/ipctop/ipctop/model"
)

// Field is one key of the JSON contract, taken from the model's struct tags. Users write
// these names in expressions and columns.
type Field struct {
	Name     string
	Doc      string
	Unit     string
	Optional bool // missing if unknown

	typ   reflect.Type // as declared; an Opt is not unwrapped
	index []int        // may lead through embedded pointers
}

var (
	typeTime   = reflect.TypeFor[time.Time]()
	typeBig    = reflect.TypeFor[model.Big]()
	typeAddr   = reflect.TypeFor[model.Addr]()
	typeOFD    = reflect.TypeFor[model.OFD]()
	typeDetail = reflect.TypeFor[model.Detail]()
)

// Fields lists the keys of a model type in their order in JSON.
func Fields(t reflect.Type) []Field {
	var list []Field
	for i := range t.NumField() {
		sf := t.Field(i)
		if sf.Anonymous && sf.Type.Kind() == reflect.Pointer {
			for _, f := range Fields(sf.Type.Elem()) {
				f.index = append([]int{i}, f.index...)
				f.Optional = true
				list = append(list, f)
			}
			continue
		}
		name, opts, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		list = append(list, Field{
			Name: name, Doc: sf.Tag.Get("doc"), Unit: sf.Tag.Get("unit"),
			// A missing plain bool is false: it has no unknown state.
			Optional: opts == "omitzero" && sf.Type.Kind() != reflect.Bool,
			typ:      sf.Type, index: []int{i},
		})
	}
	return list
}

// DetailFields lists the keys of one kind's detail.
func DetailFields(k model.Kind) []Field {
	t := detailType(k)
	if t == nil {
		return nil
	}
	return Fields(t)
}

func detailType(k model.Kind) reflect.Type {
	info, ok := model.LookupKind(k)
	if !ok || info.NewDetail == nil {
		return nil
	}
	return reflect.TypeOf(info.NewDetail()).Elem()
}

// detailTypes lists the detail structs, each once.
func detailTypes() []reflect.Type {
	var list []reflect.Type
	seen := map[reflect.Type]bool{}
	for _, k := range model.Kinds() {
		if t := detailType(k.Name); t != nil && !seen[t] {
			seen[t] = true
			list = append(list, t)
		}
	}
	return list
}

// in returns the field's value in v; false if an embedded struct is missing.
func (f *Field) in(v reflect.Value) (reflect.Value, bool) {
	for i, x := range f.index {
		if i > 0 {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true
}

// isOpt reports whether t is a [model.Opt]. Field 0 of an Opt is the value, field 1 says
// whether it is known.
func isOpt(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == typeBig.PkgPath() && strings.HasPrefix(t.Name(), "Opt[")
}

var fieldCache sync.Map // reflect.Type → []Field

// fieldsOf is [Fields] with a cache.
func fieldsOf(t reflect.Type) []Field {
	if f, ok := fieldCache.Load(t); ok {
		return f.([]Field)
	}
	f := Fields(t)
	fieldCache.Store(t, f)
	return f
}
