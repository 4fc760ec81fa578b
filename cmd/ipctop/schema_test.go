package main

import (
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestRealDumpsFitTheSchema scans this machine and checks what comes out.
func TestRealDumpsFitTheSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../../docs/schema/ipctop-1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := run(t, "", "dump", "--json")
	if status != exitOK {
		t.Fatalf("dump: status %d, %s", status, stderr)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(stdout))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
}
