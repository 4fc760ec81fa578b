package query

import (
	"os"
	"strings"
	"testing"
)

// TestManual: every expression in the manual compiles.
func TestManual(t *testing.T) {
	text, err := os.ReadFile("../docs/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```\n")
	block, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("no block of examples")
	}
	for line := range strings.Lines(block) {
		expression, list, _ := strings.Cut(strings.TrimSpace(line), "  ")
		name := "objects"
		if strings.Contains(list, "--only ") {
			name = strings.Trim(strings.TrimSpace(list), "()")[len("--only "):]
		}
		if _, err := CompileCondition(name, expression); err != nil {
			t.Errorf("%s: %v", expression, err)
		}
	}
	if _, err := CompileCondition("processes", `start_time < now() - duration("1h")`); err != nil {
		t.Error(err)
	}
}
