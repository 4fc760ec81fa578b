package live

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/diagnose"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// problemLines returns the details of a row of the first screen.
func problemLines(d *Data, p *problem) []Line {
	lines := []Line{text(severityRole(p.severity), p.what)}
	f := p.finding
	if f == nil {
		return lines
	}
	sure := string(f.Severity) + ", " + string(f.Confidence)
	if doubts := render.Doubts(f); len(doubts) > 0 {
		sure += ": " + strings.Join(doubts, "; ")
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

// findingLines draws a finding's chain and its actions.
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
		if d.Snap.FromFile {
			l = text(Dim, " from the file, unchecked:  ")
		}
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

// headline returns the second line of the screen: the worst problem, or what was searched if
// nothing was found.
func (m *Model) headline(width int) Line {
	d := m.data
	s := d.Snap
	if m.glimpse {
		l := "Reading the descriptors, locks and waits of " + render.Counted(len(s.Processes), "process", "processes") + "..."
		return crop(text(Normal, l), 0, width, m.more())
	}
	read := fmt.Sprintf("%d of %s read", s.Scan.Processes-s.Scan.ProcessesUnreadable, render.Counted(s.Scan.Processes, "process", "processes"))
	if s.Findings == nil {
		if n := d.full; n > 0 {
			return crop(text(Warn, fmt.Sprintf("Not diagnosed. %d full. %s.", n, read)), 0, width, m.more())
		}
		return crop(text(Normal, "Not diagnosed. Nothing is full. "+read+"."), 0, width, m.more())
	}
	worst, others := d.worst()
	if worst != nil {
		more := ""
		if others > 0 {
			more = strconv.Itoa(others) + " more"
		}
		room := width
		if more != "" {
			room -= len(more) + 2
		}
		var l Line
		for _, c := range d.compactView.Verdict(worst.finding, room) {
			l.add(verdictRole(c.Role, worst.severity), c.Text)
		}
		if more != "" {
			l.fill(width - len(more))
			l.add(Dim, more)
		}
		return crop(l, 0, width, m.more())
	}
	if unlooked := render.Unlooked(s); unlooked != "" {
		return crop(text(Warn, "Not known what is stuck: "+unlooked), 0, width, m.more())
	}
	verdict := "Nothing is stuck. " + read
	if s.Scan.ProcessesUnreadable > 0 {
		verdict = fmt.Sprintf("Nothing seen is stuck. %s", read)
	}
	if n, ok := d.overview.idle.Get(); ok {
		verdict += ", " + render.Counted(n, "thread", "threads") + " idle"
	}
	verdict += "."
	if n := len(s.Findings); n > 0 {
		verdict += " " + render.Counted(n, "note.", "notes.")
	}
	return crop(text(Normal, verdict), 0, width, m.more())
}

// verdictRole is the role of a part of the verdict.
func verdictRole(r render.Role, severity model.Severity) Role {
	if r == render.Heading { // a process
		return Title
	}
	if r == render.Alarm || r == render.Notice {
		return severityRole(severity)
	}
	return roleOf(r)
}

// worst returns the finding at the top of the screen, and the number of other problems; nil
// if all of them are only informative.
func (d *Data) worst() (worst *problem, others int) {
	for _, p := range d.problems {
		if p.finding == nil || p.severity == model.Info {
			continue
		}
		others++
		if worst == nil || p.severity.Rank() < worst.severity.Rank() {
			worst = p
		}
	}
	return worst, max(others-1, 0)
}
