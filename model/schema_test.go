package model

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the files that are generated from the types")

const schemaFile = "../docs/schema/ipctop-1.schema.json"

// TestSchemaIsUpToDate keeps the published JSON Schema equal to the types.
func TestSchemaIsUpToDate(t *testing.T) {
	compareSchema(t, newSchema(), schemaFile)
}

// compareSchema compares a schema with its published file, which it writes with -update.
func compareSchema(t *testing.T, s schema, file string) {
	t.Helper()
	got, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s does not fit the types any more; after a change that is meant: go test ./model -run Schema -update", file)
	}
}

// CheckRecordSchema is compareSchema for a record that another package writes by [AppendJSON].
func CheckRecordSchema(t *testing.T, record reflect.Type, title, file string) {
	t.Helper()
	w := schemaWriter{defs: schema{}}
	s := w.record(record)
	s["$schema"], s["title"], s["$defs"] = schemaDialect, title, w.defs
	s["$comment"] = "Generated from the types in " + record.PkgPath() + ". It says what is written; a reader should pass over keys it does not " +
		"know, since a later ipctop may add some."
	compareSchema(t, s, file)
}

const schemaDialect = "https://json-schema.org/draft/2020-12/schema"

// schema is a JSON Schema, or a part of one.
type schema map[string]any

// schemaWriter makes a schema of the types; structs become definitions.
type schemaWriter struct {
	defs schema
}

func newSchema() schema {
	w := schemaWriter{defs: schema{}}
	s := w.record(reflect.TypeFor[Snapshot]())
	s["$schema"] = schemaDialect
	s["title"] = "ipctop dump, schema " + Schema
	s["$comment"] = "Generated from the types in model. It says what is written; a reader should pass over keys it does not " +
		"know, since a later ipctop may add some under the same schema number."
	s["properties"].(schema)["schema"] = schema{"const": Schema, "description": "the version of this document's shape"}
	s["$defs"] = w.defs
	return s
}

// enumerations returns the string types with a fixed set of values.
func enumerations() map[reflect.Type][]any {
	var kinds, reasons []any
	for _, k := range Kinds() {
		kinds = append(kinds, k.Name)
	}
	for _, r := range Reasons() {
		reasons = append(reasons, r.Name)
	}
	return map[reflect.Type][]any{
		reflect.TypeFor[Kind]():       kinds,
		reflect.TypeFor[Reason]():     reasons,
		reflect.TypeFor[Severity]():   {Critical, Warning, Info},
		reflect.TypeFor[Confidence](): {Certain, Likely, Possible},
		reflect.TypeFor[Access]():     {Read, Write, ReadWrite, AccessNone},
		reflect.TypeFor[Via]():        {ViaFD, ViaMap, ViaAttach, ViaLock, ViaNotify, ViaRegistered, ViaInFlight},
	}
}

// record is the schema of a struct.
func (w *schemaWriter) record(t reflect.Type) schema {
	props, required := schema{}, []string{}
	for _, sf := range jsonFields(t) {
		f := describeField("", sf)
		p := w.value(sf.Type)
		closed := enumerations()[sf.Type] != nil
		if words := sf.Tag.Get("oneof"); words != "" {
			p, closed = schema{"enum": strings.Fields(words)}, true
		}
		p["description"] = f.Doc
		if f.Unit != "" {
			p["description"] = f.Doc + " (" + f.Unit + ")"
		}
		props[f.Path] = p
		if isText(sf.Type) && !closed {
			props[f.Path+exactSuffix] = exact(sf.Type, f.Path)
		}
		if !f.Optional && !embedded(sf) {
			required = append(required, f.Path)
		}
	}
	s := schema{"type": "object", "properties": props, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	if t == reflect.TypeFor[Object]() {
		s["allOf"] = w.details()
	}
	return s
}

func embedded(sf reflect.StructField) bool { return len(sf.Index) > 1 }

// exact is the schema of the base64 companion of a text that is not UTF-8.
func exact(t reflect.Type, name string) schema {
	bytes := schema{"type": "string", "contentEncoding": "base64"}
	if t.Kind() == reflect.Slice {
		bytes = schema{"type": "array", "items": bytes}
	}
	bytes["description"] = "the exact bytes of " + name + ", where they are not UTF-8"
	return bytes
}

// details returns the rules that say which detail belongs to which kind.
func (w *schemaWriter) details() []schema {
	var rules []schema
	for _, k := range Kinds() {
		if k.NewDetail == nil {
			continue
		}
		rules = append(rules, schema{
			"if":   schema{"properties": schema{"kind": schema{"const": k.Name}}},
			"then": schema{"properties": schema{"detail": w.value(reflect.TypeOf(k.NewDetail()))}},
		})
	}
	return rules
}

// value is the schema of a field's value.
func (w *schemaWriter) value(t reflect.Type) schema {
	switch {
	case t == typeTime:
		return schema{"type": "string", "format": "date-time"}
	case t == typeBig:
		return schema{"type": "string", "pattern": "^[0-9]+$"}
	case t == typeAddr:
		return schema{"type": "string", "pattern": "^0x[0-9a-f]+$"}
	case t == typeRatio:
		return schema{"type": "number", "minimum": 0}
	case t == typeOFD:
		return schema{"type": "string", "pattern": `^[0-9]+\.[0-9]+$`}
	case t == typeDetail:
		return schema{"type": "object"}
	case isOpt(t):
		return w.value(t.Field(0).Type)
	}
	switch t.Kind() {
	case reflect.String:
		if values := enumerations()[t]; values != nil {
			return schema{"enum": values}
		}
		return schema{"type": "string"}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Float64:
		return schema{"type": "number"}
	case reflect.Pointer:
		return w.value(t.Elem())
	case reflect.Slice:
		return schema{"type": "array", "items": w.value(t.Elem())}
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": w.value(t.Elem())}
	case reflect.Struct:
		name := strings.ToLower(t.Name()[:1]) + t.Name()[1:]
		if _, done := w.defs[name]; !done {
			w.defs[name] = nil // the type may contain itself
			w.defs[name] = w.record(t)
		}
		return schema{"$ref": "#/$defs/" + name}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return schema{"type": "integer", "minimum": 0}
	}
	return schema{"type": "integer"}
}
