package metrics

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the table of metrics in docs/exporter.md")

// TestDocs: the table of metrics in the documentation is made from the code.
func TestDocs(t *testing.T) {
	const file, begin, end = "../docs/exporter.md", "<!-- metrics: made by make golden -->\n", "<!-- end of metrics -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no table of metrics", file)
	}
	var b strings.Builder
	b.WriteString("| metric | labels | what it is |\n| --- | --- | --- |\n")
	for _, f := range Families() {
		labels := ""
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "` `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, labels, f.Help)
	}
	want := before + begin + b.String() + end + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("the table of metrics in %s is not what the code makes; after a change that is meant: make golden", file)
	}
}
