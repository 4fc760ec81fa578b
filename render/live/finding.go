package live

import (
	"fmt"
	"strings"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// problemLines is all about a row of the first screen.
func problemLines(d *Data, p *problem) []Line {
	lines := []Line{text(severityRole(p.severity), p.what)}
	f := p.finding
	if f == nil {
		return lines
	}
	sure := string(f.Severity) + ", " + string(f.Confidence)
	if len(f.LoweredBy) > 0 {
		sure += ": " + strings.Join(f.LoweredBy, "; ")
	}
	if !f.Since.IsZero() {
		sure += ", since " + d.clock(f.Since) + " (" + render.Age(d.Snap.Taken, f.Since) + ")"
	}
	lines = append(lines, text(Dim, d.escape(sure)), Line{})
	lines = append(lines, findingLines(d, f)...)
	if len(f.Evidence) > 0 {
		lines = append(lines, Line{}, text(Heading, "Evidence"))
		for _, e := range f.Evidence {
			l := text(Dim, " "+d.escape(e.Source)+": ")
			l.add(Normal, d.escape(e.Text))
			lines = append(lines, l)
		}
	}
	if len(f.Symptoms) > 0 {
		lines = append(lines, Line{}, text(Heading, "Symptoms"))
		for _, s := range f.Symptoms {
			lines = append(lines, text(Normal, " "+d.escape(s)))
		}
	}
	return append(lines, Line{}, text(Dim, "? explains "+d.escape(f.Rule)+"."))
}

// findingLines draws a finding's chain and what can be done.
func findingLines(d *Data, f *model.Finding) []Line {
	if f == nil {
		return nil
	}
	var lines []Line
	for i, s := range f.Chain {
		l := text(Normal, " ")
		if i > 0 {
			l.add(KeyName, " "+d.waitsFor()+" ")
		}
		l.add(Normal, d.who(s.PID, s.Comm)+" "+d.escape(s.Relation))
		if s.Object != "" && !d.named(s.Relation, s.Object) {
			l.add(Dim, " ("+d.escape(s.Object)+")")
		}
		lines = append(lines, l)
	}
	if r := f.Root; r != nil {
		lines = append(lines, text(Normal, " root cause: "+d.who(r.PID, r.Comm)+" "+d.escape(r.Doing)))
	}
	for _, a := range f.Actions {
		l := text(KeyName, " to end it:  ")
		l.add(Normal, render.QuoteAll(a.Argv)+"   ("+d.escape(a.Effect)+")")
		lines = append(lines, l)
	}
	return lines
}

// named reports whether a sentence names an object: by its id, name or path.
func (d *Data) named(sentence, id string) bool {
	if strings.Contains(sentence, id) {
		return true
	}
	o := d.object(id)
	return o != nil && (o.Name != "" && strings.Contains(sentence, o.Name) || o.Path != "" && strings.Contains(sentence, o.Path))
}

// ruleLines explains a rule.
func ruleLines(id string, width int) []Line {
	for _, r := range diagnose.Rules() {
		if r.ID != id {
			continue
		}
		lines := []Line{text(Heading, r.ID+": "+r.Title)}
		for _, part := range []struct{ label, text string }{
			{"What it means", r.Means}, {"Evidence", r.Evidence}, {"What to do", r.Do}, {"False alarm", r.FalseAlarm},
		} {
			lines = append(lines, Line{})
			lines = append(lines, paragraph(text(KeyName, part.label+": "), part.text, width)...)
		}
		return append(lines, Line{})
	}
	return nil
}

// headline is the second line of the screen: the worst there is, or what it is
// that nothing was found in.
func headline(d *Data) (Role, string) {
	s := d.Snap
	read := fmt.Sprintf("%d of %s read", s.Scan.Processes-s.Scan.ProcessesUnreadable, plural(s.Scan.Processes, "process", "processes"))
	switch {
	case s.Findings == nil:
		if n := d.full; n > 0 {
			return Warn, fmt.Sprintf("Not diagnosed. %d full. %s.", n, read)
		}
		return Normal, "Not diagnosed. Nothing is full. " + read + "."
	case len(s.Findings) > 0 && d.worst().severity != model.Info:
		worst := d.worst()
		text := d.escape(worst.finding.Title) + ": " + worst.what
		if worst.finding.Rule == "deadlock" {
			text = "DEADLOCK: " + worst.what
		}
		if age := render.Age(s.Taken, worst.since); age != "" && age != render.Unknown {
			text += ", " + age
		}
		if n := len(s.Findings) - 1; n > 0 {
			text += fmt.Sprintf(". %d more.", n)
		}
		return severityRole(worst.severity), text
	case s.Scan.ProcessesUnreadable > 0:
		return Normal, fmt.Sprintf("Nothing stuck in what could be seen (%d hidden).", s.Scan.ProcessesUnreadable) + notes(len(s.Findings))
	case s.Waits == nil:
		return Normal, "Nothing is stuck. " + read + "." + notes(len(s.Findings))
	}
	return Normal, fmt.Sprintf("Nothing is stuck. %s; %s as they should.", read, plural(len(s.Waits), "thread waits", "threads wait")) + notes(len(s.Findings))
}

// notes counts what is merely worth knowing.
func notes(n int) string {
	if n == 0 {
		return ""
	}
	return " " + plural(n, "note.", "notes.")
}

// worst is the first problem.
func (d *Data) worst() *problem { return d.rows[screenProblems][0].problem }
