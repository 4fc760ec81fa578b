package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// checkHeadings are the columns of a finding's first line; what is wrong comes
// last and may take more lines.
var checkHeadings = []string{"SEVERITY", "SINCE", "CONF", "WHAT"}

// Check writes findings for people: a line for each with what is wrong, for how
// long and how sure that is; below it who is the cause and what can be done.
func Check(w io.Writer, v *View, findings []model.Finding) error {
	t := checkTable{View: v, widths: make([]int, len(checkHeadings)-1)}
	for i, h := range checkHeadings[:len(t.widths)] {
		t.widths[i] = Width(h)
	}
	findings, folded := foldAlike(v, findings)
	rows := make([][]Cell, len(findings))
	for i := range findings {
		rows[i] = t.cells(&findings[i])
		for j, c := range rows[i] {
			t.widths[j] = max(t.widths[j], Width(c.Text))
		}
	}
	if !v.NoHeadings {
		var heading []Cell
		for _, h := range checkHeadings[:len(t.widths)] {
			heading = append(heading, Cell{h, Heading})
		}
		t.line(heading, checkHeadings[len(t.widths)], Heading)
	}
	for i := range findings {
		f := &findings[i]
		t.line(rows[i], v.escape(f.Summary), Plain)
		if f.Root != nil {
			t.line(nil, "cause: "+v.process(f.Root.PID)+", "+v.escape(f.Root.Doing), Plain)
		}
		for _, d := range Doubts(f) {
			t.line(nil, "not certain: "+v.escape(d), Dim)
		}
		for _, a := range f.Actions {
			t.words(nil, append([]string{v.offer("do:"), QuoteAll(a.Argv), ""}, strings.Fields("("+v.escape(a.Effect)+riskWords[a.Risk]+")")...), Plain)
		}
		t.line(nil, "see: ipctop explain "+v.escape(f.Rule), Dim)
	}
	for _, f := range folded {
		rule := v.escape(f.rule)
		t.line([]Cell{{Text: string(model.Info)}}, fmt.Sprintf("%s: %d more (ipctop check --rule %s lists them)", rule, f.times, rule), Plain)
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}

// alike is how many findings of a rule are left out.
type alike struct {
	rule  string
	times int
}

// foldAlike leaves out findings and counts them.
func foldAlike(v *View, findings []model.Finding) (shown []model.Finding, folded []alike) {
	const most = 3
	if !v.FoldAlike || v.Wide {
		return findings, nil
	}
	times := map[string]int{}
	for _, f := range findings {
		if f.Severity == model.Info {
			if times[f.Rule]++; times[f.Rule] > most {
				continue
			}
		}
		shown = append(shown, f)
	}
	for _, f := range shown {
		if n := times[f.Rule] - most; n > 0 {
			folded = append(folded, alike{f.Rule, n})
			delete(times, f.Rule)
		}
	}
	return shown, folded
}

// offer is what stands before a command that a finding names: label where ipctop offers
// it. What a file names is not ipctop's, and is not offered.
func (v *View) offer(label string) string {
	if v.snap.FromFile {
		return "from the file, unchecked:"
	}
	return label
}

// riskWords are what to add to an action's effect; what ends a process says so.
var riskWords = map[string]string{"loses-data": "; loses data"}

// ShortFindings writes the worst findings, one line each, as they stand above a
// dump's tables.
func ShortFindings(w io.Writer, v *View, findings []model.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	short := findings[:min(len(findings), 10)]
	t := checkTable{View: v, widths: make([]int, len(checkHeadings)-1)}
	rows := make([][]Cell, len(short))
	for i := range short {
		rows[i] = t.cells(&short[i])
		for j, c := range rows[i] {
			t.widths[j] = max(t.widths[j], Width(c.Text))
		}
	}
	for i := range short {
		t.cut(rows[i], v.escape(short[i].Summary))
	}
	if more := len(findings) - len(short); more > 0 {
		t.cut(nil, count(int64(more))+" more: ipctop check lists them")
	}
	_, err := io.WriteString(w, t.b.String()+"\n")
	return err
}

// checkTable is findings in the making.
type checkTable struct {
	*View
	widths []int // of the columns before the last one
	b      strings.Builder
}

func (t *checkTable) cells(f *model.Finding) []Cell {
	role := map[model.Severity]Role{model.Critical: Alarm, model.Warning: Notice}[f.Severity]
	return []Cell{{t.escape(string(f.Severity)), role}, {Text: Age(t.snap.Taken, f.Since)}, {Text: t.escape(string(f.Confidence))}}
}

// line writes one line; last is broken into several where the terminal is not
// wide enough. Without cells it is indented a little more.
func (t *checkTable) line(cells []Cell, last string, role Role) {
	t.words(cells, strings.Split(last, " "), role)
}

// words is line for what may only be broken between these words.
func (t *checkTable) words(cells []Cell, words []string, role Role) {
	indent := t.lead(cells)
	if cells == nil {
		indent += 2
		t.b.WriteString("  ")
	}
	room := t.Width - indent
	if t.Width <= 0 || t.Wide || room < 20 {
		room = 1 << 30
	}
	for i, part := range wrapWords(words, room) {
		if i > 0 {
			t.b.WriteString(strings.Repeat(" ", indent))
		}
		t.write(Cell{part, role})
		t.b.WriteByte('\n')
	}
}

// cut writes one line whose last part is cut where the terminal ends.
func (t *checkTable) cut(cells []Cell, last string) {
	if room := t.Width - t.lead(cells); t.Width > 0 && !t.Wide && Width(last) > room {
		last = Truncate(last, max(room, 0), t.glyph.more)
	}
	t.b.WriteString(strings.TrimRight(last, " ") + "\n")
}

// lead writes what stands before the last column and returns how wide that is.
func (t *checkTable) lead(cells []Cell) int {
	used := 0
	for i, n := range t.widths {
		c := Cell{}
		if i < len(cells) {
			c = cells[i]
		}
		t.write(c)
		pad(&t.b, n-Width(c.Text)+gapBetween)
		used += n + gapBetween
	}
	return used
}

func (t *checkTable) write(c Cell) {
	if t.Color && c.Role != Plain && c.Text != "" {
		t.b.WriteString(sgr[c.Role] + c.Text + sgrReset)
		return
	}
	t.b.WriteString(c.Text)
}

// wrapWords makes lines no wider than room of words; a word that is wider stays
// whole, so that a command can be copied.
func wrapWords(words []string, room int) []string {
	var lines []string
	line := ""
	for _, word := range words {
		switch {
		case line == "":
			line = word
		case Width(line)+1+Width(word) > room:
			lines = append(lines, strings.TrimRight(line, " "))
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
