package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// jsonExample is a jq command of docs/json.md and what it prints.
var jsonExample = regexp.MustCompile("(?s)```sh\njq -r '([^']*)'\n```\n(?:\n```\n(.*?)```\n)?")

// TestDocsJSON runs the examples of docs/json.md on the tests' dump and compares their output.
func TestDocsJSON(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("jq is not installed")
	}
	const file, dump = "../../docs/json.md", "testdata/rich.json"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	want := jsonExample.ReplaceAllFunc(page, func(block []byte) []byte {
		examples++
		filter := jsonExample.FindSubmatch(block)[1]
		out, err := exec.Command("jq", "-r", string(filter), dump).Output()
		if err != nil || len(bytes.TrimSpace(out)) == 0 {
			t.Errorf("jq '%s': %v, %q: an example must show something", filter, err, out)
		}
		return fmt.Appendf(nil, "```sh\njq -r '%s'\n```\n\n```\n%s```\n", filter, out)
	})
	if examples < 5 {
		t.Errorf("only %d examples were found", examples)
	}
	compareDoc(t, file, want)
}

// TestDocsJSONIsComplete finds lists, exit statuses and reasons that are missing on the page.
func TestDocsJSONIsComplete(t *testing.T) {
	b, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, f := range model.Fields() {
		if !strings.Contains(f.Path, ".") && !strings.Contains(page, "| `"+f.Path+"` |") {
			t.Errorf("%s is not in the table of the document", f.Path)
		}
	}
	for _, e := range exitStatuses {
		if row := fmt.Sprintf("| %d | %s |", e.status, e.meaning); !strings.Contains(page, row) {
			t.Errorf("no row %q", row)
		}
	}
	for _, r := range []model.Reason{model.Denied, model.Vanished, model.Unsupported, model.Malformed, model.Truncated, model.Timeout, model.Other} {
		if !strings.Contains(page, "`"+string(r)+"`") {
			t.Errorf("reason %s is not explained", r)
		}
	}
	if !strings.Contains(page, model.Schema) {
		t.Errorf("the page is not about %s", model.Schema)
	}
}
