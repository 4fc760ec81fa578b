package query

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

// Path is a JSON field of a record by its dotted name: `uid`, `detail.queued`,
// `holders.pid`. If it goes through a list, it stands for the field of each element.
type Path struct {
	Name  string
	steps []string
}

// ParsePath checks a dotted name against the fields of a record type.
func ParsePath(record reflect.Type, name string) (Path, error) {
	p := Path{Name: name, steps: strings.Split(name, ".")}
	types := []reflect.Type{record}
	for i, step := range p.steps {
		var next []reflect.Type
		var names []string
		for _, t := range types {
			for _, f := range Fields(t) {
				names = append(names, f.Name)
				if f.Name == step {
					next = append(next, structsIn(f.typ)...)
				}
			}
		}
		if !slices.Contains(names, step) {
			msg := fmt.Sprintf("there is no field %q", name)
			if near := Closest(step, names); near != "" {
				p.steps[i] = near
				msg += fmt.Sprintf(": did you mean %s?", strings.Join(p.steps, "."))
			}
			return Path{}, fmt.Errorf("%s", msg)
		}
		types = next
	}
	return p, nil
}

// structsIn lists the struct types whose fields may follow a value of type t.
func structsIn(t reflect.Type) []reflect.Type {
	switch {
	case t == typeDetail:
		return detailTypes()
	case isOpt(t):
		return structsIn(t.Field(0).Type)
	case t == typeTime, t == typeOFD:
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return structsIn(t.Elem())
	case reflect.Struct:
		return []reflect.Type{t}
	}
	return nil
}

// Get returns the values at the path, none if it is unknown: strings, int64,
// float64, bool and time.Time, and for a struct or map its JSON.
func (p Path) Get(record any) []any {
	return get(reflect.ValueOf(record).Elem(), p.steps, nil)
}

func get(v reflect.Value, steps []string, out []any) []any {
	t := v.Type()
	switch {
	case t == typeDetail:
		if v.IsNil() {
			return out
		}
		return get(v.Elem().Elem(), steps, out)
	case isOpt(t):
		if !v.Field(1).Bool() {
			return out
		}
		return get(v.Field(0), steps, out)
	case t == typeTime:
		if v.IsZero() {
			return out
		}
		return append(out, v.Interface().(time.Time))
	case t == typeBig:
		return append(out, model.Big(v.Uint()).String())
	case t == typeAddr:
		return append(out, model.Addr(v.Uint()).String())
	case t == typeOFD:
		return append(out, model.OFD{PID: int32(v.Field(0).Int()), FD: int32(v.Field(1).Int())}.String())
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return out
		}
		return get(v.Elem(), steps, out)
	case reflect.Slice:
		for i := range v.Len() {
			out = get(v.Index(i), steps, out)
		}
		return out
	case reflect.Struct:
		if len(steps) == 0 {
			if v.CanAddr() {
				out = append(out, string(model.AppendJSON(nil, v.Addr().Interface())))
			}
			return out
		}
		for _, f := range fieldsOf(t) {
			if f.Name != steps[0] {
				continue
			}
			fv, ok := f.in(v)
			if !ok || f.Optional && fv.IsZero() {
				return out
			}
			return get(fv, steps[1:], out)
		}
		return out
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			out = append(out, fmt.Sprintf("%s=%v", k, v.MapIndex(k)))
		}
		return out
	case reflect.String:
		return append(out, v.String())
	case reflect.Bool:
		return append(out, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return append(out, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return append(out, int64(v.Uint()))
	case reflect.Float64:
		return append(out, v.Float())
	}
	return out
}
