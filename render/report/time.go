package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// Sample is what the page shows of one sample of a recording.
type Sample struct {
	Taken    time.Time
	Blocked  int // number of threads that wait for another process
	Fullest  model.Opt[model.Ratio]
	Findings []SampleFinding
}

// SampleFinding is a finding in one sample.
type SampleFinding struct {
	ID, Rule string
	Severity model.Severity
}

// SampleOf makes a sample from a snapshot.
func SampleOf(s *model.Snapshot) Sample {
	m := Sample{Taken: s.Taken}
	for i := range s.Waits {
		if w := &s.Waits[i]; w.Confirmed && !w.Idle && w.Needs != model.NeedsTime {
			m.Blocked++
		}
	}
	for _, o := range s.Objects {
		if fill, ok := o.Fill.Get(); ok && fill > m.Fullest.Or(-1) {
			m.Fullest = model.Some(fill)
		}
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		m.Findings = append(m.Findings, SampleFinding{f.ID, f.Rule, f.Severity})
	}
	return m
}

// Sizes of the timeline.
const (
	timeWidth = 720
	timeLeft  = 150
	curve     = 90 // height of a curve
	timeRow   = 22
	maxRows   = 16
)

// drawTime draws a recording over time: the number of blocked threads, how full the fullest
// object is, and the periods of the findings. It is "" for a single sample.
func drawTime(samples []Sample) template.HTML {
	if len(samples) < 2 {
		return ""
	}
	first, last := samples[0].Taken, samples[len(samples)-1].Taken
	span := max(last.Sub(first), 1)
	x := func(t time.Time) int {
		return timeLeft + int(float64(timeWidth-timeLeft-12)*float64(t.Sub(first))/float64(span))
	}
	most := 1
	for i := range samples {
		most = max(most, samples[i].Blocked)
	}
	var d drawing
	d.plot(samples, x, 8, "Blocked threads", fmt.Sprintf("0 to %d", most), "blocked", func(s *Sample) (float64, bool) { return float64(s.Blocked) / float64(most), true })
	d.plot(samples, x, 8+curve+14, "Fullest", "0 to 100 %", "fullest", func(s *Sample) (float64, bool) {
		fill, ok := s.Fullest.Get()
		return min(float64(fill), 1), ok
	})
	y := 8 + 2*(curve+14)
	rows := rowsOf(samples)
	left := max(len(rows)-maxRows, 0)
	words := []string{fmt.Sprintf("%d samples, at most %d blocked threads", len(samples), most)}
	for _, r := range rows[:len(rows)-left] {
		d.text(timeLeft-8, y+14, "note", "end", r.rule, 20)
		for _, p := range r.periods {
			begin, end := x(samples[p[0]].Taken), x(samples[p[1]].Taken)
			d.add(`<rect class="period %s" x="%d" y="%d" width="%d" height="%d"><title>%s</title></rect>`, classOf(r.severity), begin, y+3, max(end-begin, 3), timeRow-8,
				template.HTMLEscapeString(fmt.Sprintf("%s: %s to %s", render.Escape(r.id), clock(samples[p[0]].Taken), clock(samples[p[1]].Taken))))
			words = append(words, fmt.Sprintf("%s from %s to %s", r.rule, clock(samples[p[0]].Taken), clock(samples[p[1]].Taken)))
		}
		y += timeRow
	}
	if left > 0 {
		d.text(timeLeft, y+14, "note", "start", fmt.Sprintf("and %d more findings", left), 40)
		y += timeRow
	}
	d.add(`<line class="axis" x1="%d" y1="%[3]d" x2="%[2]d" y2="%[3]d"/>`, timeLeft, timeWidth-12, y+4)
	d.text(timeLeft, y+20, "note", "start", first.UTC().Format(time.DateTime)+" UTC", 40)
	d.text(timeWidth-12, y+20, "note", "end", clock(last)+" UTC", 40)
	const sentences = 40
	if len(words) > sentences {
		words = append(words[:sentences], "and more")
	}
	return d.finish("time", timeWidth, y+28, "What happened over time", strings.Join(words, "; "))
}

func clock(t time.Time) string { return t.UTC().Format(time.TimeOnly) }

// plot draws a curve, with gaps for unknown values.
func (d *drawing) plot(samples []Sample, x func(time.Time) int, top int, name, scale, class string, value func(*Sample) (float64, bool)) {
	d.text(timeLeft-8, top+14, "name", "end", name, 20)
	d.text(timeLeft-8, top+30, "note", "end", scale, 20)
	d.add(`<line class="axis" x1="%d" y1="%[3]d" x2="%[2]d" y2="%[3]d"/>`, timeLeft, timeWidth-12, top+curve)
	var path strings.Builder
	command := "M"
	for i := range samples {
		v, known := value(&samples[i])
		if !known {
			command = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%d %d", command, x(samples[i].Taken), top+curve-int(v*float64(curve-6)))
		command = "L"
	}
	if path.Len() > 0 {
		d.add(`<path class="curve %s" d="%s"/>`, class, path.String())
	}
}

// row is a finding over time: the periods of samples that have it.
type row struct {
	id, rule string
	severity model.Severity
	periods  [][2]int
}

// rowsOf returns the findings of all samples, the worst first.
func rowsOf(samples []Sample) []row {
	var rows []row
	places := map[string]int{}
	for i := range samples {
		for _, f := range samples[i].Findings {
			at, ok := places[f.ID]
			if !ok {
				at = len(rows)
				places[f.ID] = at
				rows = append(rows, row{id: f.ID, rule: render.Escape(f.Rule), severity: f.Severity})
			}
			r := &rows[at]
			if n := len(r.periods); n > 0 && r.periods[n-1][1] >= i-1 {
				r.periods[n-1][1] = i
			} else {
				r.periods = append(r.periods, [2]int{i, i})
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.severity.Rank(), b.severity.Rank()) })
	return rows
}
