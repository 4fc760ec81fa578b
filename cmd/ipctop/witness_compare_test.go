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
)

// facts are statements about the machine in a form that does not depend on who
// makes them: what they are about, and what is said. What a statement is about
// begins with the witness who makes it.
type facts map[string]string

// hearing compares a scan with independent witnesses. They are heard before and
// after the scan; what they do not say alike both times has changed meanwhile
// and does not count.
type hearing struct {
	tools     []string // programs without which there is nothing to hear
	hear      func(t *testing.T, f facts)
	own       func(snap *model.Snapshot) facts
	agree     func(witness, own string) bool // nil: they must be equal
	partial   func(what string) bool         // rows that the witness need not have; nil: it has all
	witnesses []string                       // each must have said something
	atLeast   int                            // rows that must be compared
}

// need skips the test where nothing can be compared.
func (h *hearing) need(t *testing.T) {
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

// compare hears the witnesses and fails for what ipctop says otherwise.
func (h *hearing) compare(t *testing.T) {
	t.Helper()
	before, after, own := h.quietest(t)
	compared, ignored, perWitness := 0, 0, map[string]int{}
	for _, what := range slices.Sorted(maps.Keys(before)) {
		if after[what] != before[what] {
			ignored++
			continue
		}
		compared++
		perWitness[witnessOf(what)]++
		if !h.agrees(before[what], own[what]) {
			t.Errorf("%s\n\twitness: %s\n\tipctop:  %s", what, before[what], own[what])
		}
	}
	for what := range own {
		_, knew := before[what]
		_, knows := after[what]
		if !knew && !knows && (h.partial == nil || !h.partial(what)) {
			t.Errorf("%s: ipctop says %q, the witness does not know of it", what, own[what])
		}
	}
	t.Logf("%d rows compared %v, %d ignored because they changed", compared, perWitness, ignored)
	if compared < h.atLeast {
		t.Errorf("only %d rows were compared, want at least %d", compared, h.atLeast)
	}
	if ignored*20 > compared+ignored {
		t.Errorf("%d of %d rows changed between the two hearings: more than 5 %%", ignored, compared+ignored)
	}
	for _, witness := range h.witnesses {
		if perWitness[witness] == 0 {
			t.Errorf("nothing was compared with %s", witness)
		}
	}
}

// quietest makes some tries, as other programs come and go, and returns that in
// which the fewest rows changed.
func (h *hearing) quietest(t *testing.T) (before, after, own facts) {
	t.Helper()
	scanner := probe.NewScanner(probe.Options{Probes: probes()})
	fewest := 1 << 30
	for try := 0; try < 8 && fewest*20 > len(before); try++ {
		b, a := facts{}, facts{}
		h.hear(t, b)
		snap, err := scanner.Scan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		h.hear(t, a)
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

func (h *hearing) agrees(witness, own string) bool {
	return witness == own || h.agree != nil && h.agree(witness, own)
}

func witnessOf(what string) string {
	witness, _, _ := strings.Cut(what, " ")
	return witness
}

// add adds to what is said about something, where several rows of a witness are
// about the same.
func (f facts) add(what, said string) {
	list := strings.Split(f[what], "; ")
	f[what] = strings.TrimPrefix(strings.Join(slices.Sorted(slices.Values(append(list, said))), "; "), "; ")
}

// row is a line of a witness's JSON table, by column.
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
