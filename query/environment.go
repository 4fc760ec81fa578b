package query

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/ipctop/ipctop/model"
)

// An expression runs against a struct type that is made for it. The struct has only the
// fields that the expression mentions, under their JSON names; each optional one is
// followed by a flag that says whether its value is known. The type is made once per
// expression. Filling the struct costs next to nothing per object, and the types of the
// expression are checked before any object is read.

// environment maps model types to the structs that expressions see.
type environment struct {
	// needs picks fields; nil takes all of them.
	needs  map[need]bool
	byType map[reflect.Type]*structType // by the type that expressions see
	made   map[reflect.Type]*structType // by model type
}

// need is a field of a model type. All details are one type, [model.Detail].
type need struct {
	owner reflect.Type
	name  string
}

// structType is a model struct, or the union of all details, as expressions see it.
type structType struct {
	owner  reflect.Type
	typ    reflect.Type
	names  []string // all names, needed or not
	fields []envField
	// details says, for each detail struct, how its fields fill this one
	details map[reflect.Type][]detailFill
}

// envField is a field that is needed.
type envField struct {
	name  string
	at    int // field of typ
	known int // field of typ with its flag; -1: always known
	from  Field
	fill  filler
}

type detailFill struct {
	field int // index into fields
	from  Field
	fill  filler
}

// filler copies a model value into what expressions see and says whether it is
// known.
type filler func(dst, src reflect.Value) bool

// flagSuffix cannot be part of a name in an expression.
const flagSuffix = "?"

func newEnvironment(needs map[need]bool) *environment {
	return &environment{needs: needs, byType: map[reflect.Type]*structType{}, made: map[reflect.Type]*structType{}}
}

func (e *environment) wants(owner reflect.Type, name string) bool {
	return e.needs == nil || e.needs[need{owner, name}]
}

// structOf makes the struct for a model struct.
func (e *environment) structOf(t reflect.Type) *structType {
	if s, ok := e.made[t]; ok {
		return s
	}
	s := &structType{owner: t}
	var list []reflect.StructField
	for _, f := range Fields(t) {
		s.names = append(s.names, f.Name)
		if !e.wants(t, f.Name) {
			continue
		}
		typ, fill := e.value(f.typ)
		list = s.add(list, f, typ, fill)
	}
	e.finish(s, list)
	return s
}

// union makes the struct for the details of all kinds.
func (e *environment) union() *structType {
	if s, ok := e.made[typeDetail]; ok {
		return s
	}
	s := &structType{owner: typeDetail, details: map[reflect.Type][]detailFill{}}
	var list []reflect.StructField
	for _, t := range detailTypes() {
		s.details[t] = nil
		for _, f := range Fields(t) {
			if !slices.Contains(s.names, f.Name) {
				s.names = append(s.names, f.Name)
			}
			if !e.wants(typeDetail, f.Name) {
				continue
			}
			typ, fill := e.value(f.typ)
			i := slices.IndexFunc(s.fields, func(g envField) bool { return g.name == f.Name })
			if i < 0 {
				f.Optional = true // it is missing in other kinds
				i = len(s.fields)
				list = s.add(list, f, typ, fill)
			} else if g := &s.fields[i]; list[g.at].Type != typ {
				list[g.at].Type = reflect.TypeFor[any]() // two kinds use the name for different types
			}
			s.details[t] = append(s.details[t], detailFill{i, f, fill})
		}
	}
	for t, fills := range s.details {
		for i, d := range fills {
			at := s.fields[d.field].at
			if typ, fill := e.value(d.from.typ); list[at].Type != typ {
				s.details[t][i].fill = boxed(typ, fill)
			}
		}
	}
	e.finish(s, list)
	return s
}

func boxed(t reflect.Type, fill filler) filler {
	return func(dst, src reflect.Value) bool {
		v := reflect.New(t).Elem()
		known := fill(v, src)
		dst.Set(v)
		return known
	}
}

func (s *structType) add(list []reflect.StructField, f Field, typ reflect.Type, fill filler) []reflect.StructField {
	g := envField{name: f.Name, at: len(list), known: -1, from: f, fill: fill}
	list = append(list, s.structField(len(list), f.Name, typ))
	if f.Optional {
		g.known = len(list)
		list = append(list, s.structField(len(list), f.Name+flagSuffix, reflect.TypeFor[bool]()))
	}
	s.fields = append(s.fields, g)
	return list
}

// structField makes a field whose tag names the owner, so that two model types never
// become the same Go type.
func (s *structType) structField(i int, name string, typ reflect.Type) reflect.StructField {
	return reflect.StructField{
		Name: "F" + strconv.Itoa(i), Type: typ,
		Tag: reflect.StructTag(fmt.Sprintf("expr:%q of:%q", name, s.owner.Name())),
	}
}

func (e *environment) finish(s *structType, list []reflect.StructField) {
	if len(list) == 0 { // structs without fields must be different types, too
		list = append(list, s.structField(0, flagSuffix, reflect.TypeFor[struct{}]()))
	}
	s.typ = reflect.StructOf(list)
	e.made[s.owner] = s
	e.byType[s.typ] = s
}

// fill copies a model struct.
func (s *structType) fill(dst, src reflect.Value) {
	if s.details != nil {
		s.fillDetail(dst, src)
		return
	}
	for i := range s.fields {
		f := &s.fields[i]
		v, ok := f.from.in(src)
		known := ok && f.fill(dst.Field(f.at), v)
		if f.known >= 0 {
			dst.Field(f.known).SetBool(known)
		}
	}
}

func (s *structType) fillDetail(dst, src reflect.Value) {
	dst.SetZero()
	if src.IsNil() {
		return
	}
	v := src.Elem().Elem()
	for _, d := range s.details[v.Type()] {
		f := &s.fields[d.field]
		fv, ok := d.from.in(v)
		dst.Field(f.known).SetBool(ok && d.fill(dst.Field(f.at), fv))
	}
}

// value returns the type that a value of a model type has in an expression, which is like
// that in JSON, and its filler.
func (e *environment) value(t reflect.Type) (reflect.Type, filler) {
	switch {
	case t == typeTime:
		return t, func(dst, src reflect.Value) bool { dst.Set(src); return !src.IsZero() }
	case t == typeBig:
		return reflect.TypeFor[string](), func(dst, src reflect.Value) bool {
			dst.SetString(model.Big(src.Uint()).String())
			return src.Uint() != 0
		}
	case t == typeAddr:
		return reflect.TypeFor[string](), func(dst, src reflect.Value) bool {
			dst.SetString(model.Addr(src.Uint()).String())
			return src.Uint() != 0
		}
	case t == typeOFD:
		return reflect.TypeFor[string](), func(dst, src reflect.Value) bool {
			o := model.OFD{PID: int32(src.Field(0).Int()), FD: int32(src.Field(1).Int())}
			dst.SetString(o.String())
			return !o.IsZero()
		}
	case t == typeDetail:
		s := e.union()
		return s.typ, func(dst, src reflect.Value) bool { s.fill(dst, src); return true }
	case isOpt(t):
		typ, fill := e.value(t.Field(0).Type)
		return typ, func(dst, src reflect.Value) bool { fill(dst, src.Field(0)); return src.Field(1).Bool() }
	}
	switch t.Kind() {
	case reflect.String:
		return reflect.TypeFor[string](), func(dst, src reflect.Value) bool {
			dst.SetString(src.String())
			return src.Len() > 0
		}
	case reflect.Bool:
		return reflect.TypeFor[bool](), func(dst, src reflect.Value) bool { dst.SetBool(src.Bool()); return true }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return reflect.TypeFor[int](), func(dst, src reflect.Value) bool { dst.SetInt(src.Int()); return src.Int() != 0 }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return reflect.TypeFor[int](), func(dst, src reflect.Value) bool { dst.SetInt(int64(src.Uint())); return src.Uint() != 0 }
	case reflect.Float64:
		return reflect.TypeFor[float64](), func(dst, src reflect.Value) bool { dst.SetFloat(src.Float()); return src.Float() != 0 }
	case reflect.Pointer:
		typ, fill := e.value(t.Elem())
		return typ, func(dst, src reflect.Value) bool {
			if src.IsNil() {
				dst.SetZero()
				return false
			}
			fill(dst, src.Elem())
			return true
		}
	case reflect.Map:
		return t, func(dst, src reflect.Value) bool { dst.Set(src); return !src.IsNil() }
	case reflect.Slice:
		return e.list(t)
	case reflect.Struct:
		s := e.structOf(t)
		return s.typ, func(dst, src reflect.Value) bool { s.fill(dst, src); return true }
	}
	panic("query: no form in expressions for " + t.String())
}

// list is value for a list. The filler reuses the memory of the row before.
func (e *environment) list(t reflect.Type) (reflect.Type, filler) {
	elem, fill := e.value(t.Elem())
	typ := reflect.SliceOf(elem)
	if typ == t {
		return typ, func(dst, src reflect.Value) bool { dst.Set(src); return !src.IsNil() }
	}
	return typ, func(dst, src reflect.Value) bool {
		n := src.Len()
		if dst.Cap() < n {
			dst.Set(reflect.MakeSlice(typ, n, n+n/2))
		}
		dst.SetLen(n)
		for i := range n {
			fill(dst.Index(i), src.Index(i))
		}
		return !src.IsNil()
	}
}

// unknownIn lists the paths of the unknown fields in a filled struct, without the fields
// that the object's kind does not have.
func (s *structType) unknownIn(e *environment, v, src reflect.Value, path string, found []string) []string {
	has := func(i int) bool { return true }
	if s.details != nil {
		if src.IsNil() {
			return found
		}
		fills := s.details[src.Elem().Elem().Type()]
		has = func(i int) bool {
			return slices.ContainsFunc(fills, func(d detailFill) bool { return d.field == i })
		}
	}
	for i := range s.fields {
		f := &s.fields[i]
		name := path + f.name
		if f.known >= 0 && !v.Field(f.known).Bool() {
			if has(i) && !slices.Contains(found, name) {
				found = append(found, name)
			}
			continue
		}
		fv := v.Field(f.at)
		switch fv.Kind() {
		case reflect.Struct:
			if t := e.byType[fv.Type()]; t != nil {
				var inner reflect.Value // only needed for a detail, which is never in a list
				if s.details == nil && src.IsValid() {
					inner, _ = f.from.in(src)
				}
				found = t.unknownIn(e, fv, inner, name+".", found)
			}
		case reflect.Slice:
			if t := e.byType[fv.Type().Elem()]; t != nil {
				for j := range fv.Len() {
					found = t.unknownIn(e, fv.Index(j), reflect.Value{}, name+".", found)
				}
			}
		}
	}
	return found
}
