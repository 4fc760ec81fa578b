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

// facts are statements about the machine in a form that does not depend on who
// makes them: what they are about, and what is said. What a statement is about
// begins with the name of the reference tool that makes it.
type facts map[string]string

// comparison compares a scan with independent reference tools. They run before and
// after the scan; rows that differ between the two runs have changed meanwhile
// and are ignored.
type comparison struct {
	tools    []string // programs without which there is nothing to compare with
	read     func(t *testing.T, f facts)
	own      func(snap *model.Snapshot) facts
	agree    func(reference, own string) bool // nil: they must be equal
	partial  func(what string) bool           // rows that the tool need not have; nil: it has all
	mustHave []string                         // tools of which there must be rows
	atLeast  int                              // rows that must be compared
}

// need skips the test where nothing can be compared.
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

// compare runs the reference tools and fails where ipctop differs.
func (h *comparison) compare(t *testing.T) {
	t.Helper()
	probetest.Persistent(t, func() map[string]string { return h.problems(t) })
}

// problems are by what they are about.
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

// quietest makes some tries, as other programs come and go, and returns that in
// which the fewest rows changed.
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

// add adds to what is said about something, where several rows of a tool are
// about the same.
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
		return nil // lslocks without a lock
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
