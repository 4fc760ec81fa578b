package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// checkHeadings are the columns of a finding's first line; the last one, WHAT, may take
// more lines.
var checkHeadings = []string{"SEVERITY", "SINCE", "CONF", "WHAT"}

// Check writes findings for people. Each has a line with the problem, its duration and its
// confidence; below it are the cause and the possible actions.
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
			t.words(nil, append([]string{v.commandLabel("do:"), QuoteAll(a.Argv), ""}, strings.Fields("("+v.escape(a.Effect)+riskWords[a.Risk]+")")...), Plain)
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

// alike counts the findings of a rule that are left out.
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

// commandLabel returns the text before a finding's command: label if ipctop offers the command. A
// command from a file is not ipctop's own, so it is not offered.
func (v *View) commandLabel(label string) string {
	if v.snap.FromFile {
		return "from the file, unchecked:"
	}
	return label
}

// riskWords are added to an action's effect; the effect already says if a process ends.
var riskWords = map[string]string{"loses-data": "; loses data"}

// ShortFindings writes the worst findings, one line each, for the place above a dump's
// tables.
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

// checkTable is the state of writing findings.
type checkTable struct {
	*View
	widths []int // of the columns before the last one
	b      strings.Builder
}

func (t *checkTable) cells(f *model.Finding) []Cell {
	role := map[model.Severity]Role{model.Critical: Alarm, model.Warning: Notice}[f.Severity]
	return []Cell{{t.escape(string(f.Severity)), role}, {Text: Age(t.snap.Taken, f.Since)}, {Text: t.escape(string(f.Confidence))}}
}

// line writes one line; last is wrapped if the terminal is not wide enough. Without cells
// the line is indented a little more.
func (t *checkTable) line(cells []Cell, last string, role Role) {
	t.words(cells, strings.Split(last, " "), role)
}

// words is line for a text that may only be wrapped between these words.
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

// cut writes one line whose last part is cut at the width of the terminal.
func (t *checkTable) cut(cells []Cell, last string) {
	if room := t.Width - t.lead(cells); t.Width > 0 && !t.Wide && Width(last) > room {
		last = Truncate(last, max(room, 0), t.glyph.more)
	}
	t.b.WriteString(strings.TrimRight(last, " ") + "\n")
}

// lead writes the cells before the last column and returns their width.
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

// wrapWords arranges words in lines that are no wider than room. A wider word is not
// split, so that a command can be copied.
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
