package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/probe/probetest"
)

// facts are statements about the machine, in a form that does not depend on the tool: the
// subject, and what is said about it. The subject begins with the name of the reference tool.
type facts map[string]string

// comparison compares a scan with independent reference tools. They run before and after
// the scan. Rows that differ between the two runs changed meanwhile and are ignored.
type comparison struct {
	tools    []string // programs that are needed
	read     func(t *testing.T, f facts)
	own      func(snap *model.Snapshot) facts
	agree    func(reference, own string) bool // nil: they must be equal
	partial  func(what string) bool           // rows that the tool may lack; nil: it has all
	mustHave []string                         // tools that must give some rows
	atLeast  int                              // number of rows that must be compared
}

// need skips the test if nothing can be compared.
func (h *comparison) need(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root sees enough of other users' programs to compare")
	}
	for _, tool := range h.tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
}

// compare runs the reference tools and fails if ipctop differs.
func (h *comparison) compare(t *testing.T) {
	t.Helper()
	probetest.Persistent(t, func() map[string]string { return h.problems(t) })
}

// problems are the differences, by subject.
func (h *comparison) problems(t *testing.T) map[string]string {
	t.Helper()
	problems := map[string]string{}
	before, after, own := h.quietest(t)
	compared, ignored, perTool := 0, 0, map[string]int{}
	for _, what := range slices.Sorted(maps.Keys(before)) {
		if after[what] != before[what] {
			ignored++
			continue
		}
		compared++
		perTool[toolOf(what)]++
		if !h.agrees(before[what], own[what]) {
			problems[what] = fmt.Sprintf("\n\treference: %s\n\tipctop:    %s", before[what], own[what])
		}
	}
	for what := range own {
		_, knew := before[what]
		_, knows := after[what]
		if !knew && !knows && (h.partial == nil || !h.partial(what)) {
			problems[what] = fmt.Sprintf("ipctop says %q, the reference tool does not", own[what])
		}
	}
	t.Logf("%d rows compared %v, %d ignored because they changed", compared, perTool, ignored)
	if compared < h.atLeast {
		problems["compared"] = fmt.Sprintf("only %d rows, want at least %d", compared, h.atLeast)
	}
	if ignored*20 > compared+ignored {
		problems["ignored"] = fmt.Sprintf("%d of %d rows changed between the two runs: more than 5 %%", ignored, compared+ignored)
	}
	for _, reference := range h.mustHave {
		if perTool[reference] == 0 {
			problems[reference] = "nothing was compared with it"
		}
	}
	return problems
}

// quietest tries several times, as other programs come and go, and returns the try with the
// fewest changed rows.
func (h *comparison) quietest(t *testing.T) (before, after, own facts) {
	t.Helper()
	scanner := probe.NewScanner(probe.Options{Probes: probes()})
	fewest := 1 << 30
	for try := 0; try < 8 && fewest*20 > len(before); try++ {
		b, a := facts{}, facts{}
		h.read(t, b)
		snap := probetest.Again(t, scanner)
		h.read(t, a)
		changed := 0
		for what := range b {
			if a[what] != b[what] {
				changed++
			}
		}
		if changed < fewest {
			fewest, before, after, own = changed, b, a, h.own(snap)
		}
	}
	return before, after, own
}

func (h *comparison) agrees(reference, own string) bool {
	return reference == own || h.agree != nil && h.agree(reference, own)
}

func toolOf(what string) string {
	reference, _, _ := strings.Cut(what, " ")
	return reference
}

// add adds to what is said about a subject, for tools that have several rows about it.
func (f facts) add(what, said string) {
	list := strings.Split(f[what], "; ")
	f[what] = strings.TrimPrefix(strings.Join(slices.Sorted(slices.Values(append(list, said))), "; "), "; ")
}

// row is a line of a tool's JSON table, by column.
type row map[string]any

// text is a column as text; "" for null.
func (r row) text(column string) string {
	if r[column] == nil {
		return ""
	}
	return fmt.Sprint(r[column])
}

// table runs a program that prints a JSON table, and returns its lines.
func table(t *testing.T, argv ...string) []row {
	t.Helper()
	text := strings.Join(output(t, argv...), "\n")
	if text == "" {
		return nil // lslocks, if there are no locks
	}
	var tables map[string][]row
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&tables); err != nil {
		t.Fatalf("%s: %v", strings.Join(argv, " "), err)
	}
	for _, rows := range tables {
		return rows
	}
	return nil
}
