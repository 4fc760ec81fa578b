package model_test

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

const (
	traceSchema = "../docs/schema/ipctop-trace-1.schema.json"
	tracePage   = "../docs/tracing.md"
)

// TestSchemaOfTrace keeps the schema of ipctop trace's output equal to the types.
func TestSchemaOfTrace(t *testing.T) {
	model.CheckRecordSchema(t, reflect.TypeFor[trace.Event](), "a line of ipctop trace -o jsonl", traceSchema)
}

// TestSchemaOfTraceIsDescribed: the page about tracing mentions each field of an event, and
// each word in it.
func TestSchemaOfTraceIsDescribed(t *testing.T) {
	b, err := os.ReadFile(traceSchema)
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Properties map[string]struct{ Enum []string }
	}
	if err := json.Unmarshal(b, &s); err != nil || len(s.Properties) == 0 {
		t.Fatal(len(s.Properties), err)
	}
	page, err := os.ReadFile(tracePage)
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for _, words := range regexp.MustCompile("`[A-Za-z_ -]+`").FindAllString(string(page), -1) {
		for _, word := range strings.Fields(strings.Trim(words, "`")) {
			described[word] = true
		}
	}
	for name, p := range s.Properties {
		for _, word := range append(p.Enum, name) {
			if !described[word] && !strings.HasSuffix(name, "_b64") {
				t.Errorf("%s does not say what %q is", tracePage, word)
			}
		}
	}
}
