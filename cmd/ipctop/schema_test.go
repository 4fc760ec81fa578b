package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ipctop/ipctop/trace"
)

// compileSchema reads a published schema.
func compileSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../../docs/schema/" + name + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestRealDumpsFitTheSchema scans this machine and checks what comes out.
func TestRealDumpsFitTheSchema(t *testing.T) {
	schema := compileSchema(t, "ipctop-1")
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

// TestRealEventsFitTheSchema traces this machine and checks each line.
func TestRealEventsFitTheSchema(t *testing.T) {
	schema := compileSchema(t, "ipctop-trace-1")
	script := func(text string) { _ = exec.Command("sh", "-c", text).Run() }
	_, out, _ := traced(t, func() {
		script("sleep 0.1; exit 3") // waited for, and reported by SIGCHLD
		script("exit 113")
	}, `"exit_status":113`, "--all", "--over", "10ms", "-o", "jsonl")
	kinds := map[string]bool{}
	for line := range strings.Lines(out) {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		kinds[doc.(map[string]any)["event"].(string)] = true
	}
	for _, kind := range trace.Kinds {
		if !kinds[kind] {
			t.Errorf("there is no event %s", kind)
		}
	}
}
