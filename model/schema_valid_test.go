package model

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	sch, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return sch
}

func validate(t *testing.T, sch *jsonschema.Schema, s *Snapshot) error {
	t.Helper()
	var b bytes.Buffer
	if err := Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	return sch.Validate(doc)
}

// fill gives every field of v a value, so that no key of the document is
// missing. Text is not UTF-8: every base64 companion is there, too.
func fill(v reflect.Value) {
	t := v.Type()
	if values := enumerations()[t]; values != nil {
		v.Set(reflect.ValueOf(values[0]))
		return
	}
	switch {
	case t == typeTime:
		v.Set(reflect.ValueOf(time.Date(2024, 2, 29, 23, 59, 58, 123456789, time.UTC)))
		return
	case t == typeOFD:
		v.Set(reflect.ValueOf(OFD{PID: 7, FD: 1}))
		return
	case isOpt(t):
		fill(reflect.ValueOf(v.Addr().Interface().(optional).makeKnown()).Elem())
		return
	}
	switch {
	case v.CanInt():
		v.SetInt(3)
	case v.CanUint():
		v.SetUint(4)
	case v.CanFloat():
		v.SetFloat(0.5)
	}
	switch t.Kind() {
	case reflect.String:
		v.SetString("a\xff\x1b[2J")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Map:
		elem := reflect.New(t.Elem()).Elem()
		fill(elem)
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(reflect.ValueOf("k"), elem)
	case reflect.Struct:
		for i := range t.NumField() {
			fill(v.Field(i))
		}
	}
}

// fullSnapshot has an object of every kind and a value in every field.
func fullSnapshot() *Snapshot {
	s := new(Snapshot)
	fill(reflect.ValueOf(s).Elem())
	s.Schema = Schema
	s.Objects = nil
	for _, k := range Kinds() {
		o := new(Object)
		fill(reflect.ValueOf(o).Elem())
		o.Kind = k.Name
		if k.NewDetail != nil {
			o.Detail = k.NewDetail()
			fill(reflect.ValueOf(o.Detail).Elem())
		}
		s.Objects = append(s.Objects, o)
	}
	return s
}

func TestSchemaFitsEveryField(t *testing.T) {
	sch := compileSchema(t)
	if err := validate(t, sch, fullSnapshot()); err != nil {
		t.Errorf("a snapshot with a value in every field: %v", err)
	}
	if err := validate(t, sch, &Snapshot{Schema: Schema}); err != nil {
		t.Errorf("a snapshot with nothing in it: %v", err)
	}
	bare := &Snapshot{Schema: Schema, Processes: []*Process{{}}, Gaps: []Gap{{Reason: Denied}}}
	for _, k := range Kinds() {
		bare.Objects = append(bare.Objects, &Object{Kind: k.Name, Holders: []Holder{{Via: ViaFD}}})
	}
	if err := validate(t, sch, bare); err != nil {
		t.Errorf("records without any value: %v", err)
	}
}

func TestSchemaRefuses(t *testing.T) {
	sch := compileSchema(t)
	for name, spoil := range map[string]func(*Snapshot){
		"another schema number":          func(s *Snapshot) { s.Schema = "ipctop/0" },
		"an unknown kind":                func(s *Snapshot) { s.Objects[0].Kind = "pipes" },
		"the detail of another kind":     func(s *Snapshot) { s.Objects[0].Detail = s.Objects[2].Detail },
		"an unknown reason":              func(s *Snapshot) { s.Gaps[0].Reason = "bored" },
		"an unknown confidence":          func(s *Snapshot) { s.Objects[0].Peers[0].Confidence = "sure" },
		"a way to hold that is not ours": func(s *Snapshot) { s.Objects[0].Holders[0].Via = "glue" },
	} {
		s := fullSnapshot()
		spoil(s)
		if validate(t, sch, s) == nil {
			t.Errorf("accepted %s", name)
		}
	}
}
