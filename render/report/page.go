package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

//go:embed page.js
var pageScript string

// pageTemplate is parsed on first use: that takes longer than all other preparations at the start
// of a command.
var pageTemplate = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(pageText)) })

// Options say what a page contains.
type Options struct {
	Source  string   // what was read, as users know it; "" is the machine
	Samples []Sample // of a recording, in order; empty for other sources
	Version string   // of ipctop
}

// maxRecords is the largest number of rows in a table, so that a browser opens the page at
// once.
const maxRecords = 2000

// maxVerdicts is the largest number of findings with a picture.
const maxVerdicts = 25

// page is what the template shows.
type page struct {
	Policy string
	Style  template.CSS
	Script template.JS

	Host, Taken, Source, Version string
	Headline, HeadlineClass      string
	Facts                        []fact
	Hosts                        []hostLine
	Offer                        string // the text before commands
	Nothing                      string // the text if there are no findings
	Verdicts                     []verdict
	MoreVerdicts                 int
	Why                          string
	Talk                         template.HTML
	TalkLeft                     int
	Time                         template.HTML
	Sheets                       []sheet
}

type fact struct{ Name, Value string }

type hostLine struct{ Name, Taken, Clock string }

// verdict is a finding.
type verdict struct {
	Class, Severity, Confidence, Rule, Summary, Since, Cause string
	Doubts, Actions                                          []string
	Chain                                                    template.HTML
	Evidence                                                 []model.Evidence
}

// sheet is a table that is not empty.
type sheet struct {
	render.Sheet
	ID string
}

// Write writes the page of a snapshot, whose graph is g.
func Write(w io.Writer, g *graph.Graph, o Options) error {
	s := g.Snapshot
	v := render.NewView(g.Index, &render.Options{Wide: true})
	p := &page{
		Policy: policy(), Style: template.CSS(pageStyle), Script: template.JS(pageScript),
		Host: render.Escape(s.Host.Hostname), Taken: s.Taken.UTC().Format("2006-01-02 15:04:05 UTC"), Source: render.Escape(o.Source), Version: o.Version,
		Facts: factsOf(s), Hosts: hostsOf(s), Time: drawTime(o.Samples),
	}
	p.Headline, p.HeadlineClass = headline(s)
	p.Nothing = "No finding."
	if s.Findings == nil {
		p.Nothing = "The snapshot was made without findings."
	}
	p.Offer = "What would end it:"
	if s.FromFile {
		p.Offer = "What would end it, as the file says, unchecked:"
	}
	p.verdicts(v, g)
	p.Talk, p.TalkLeft = drawTalk(g.Index)
	var why bytes.Buffer
	if err := render.WhyAll(&why, render.NewView(g.Index, &render.Options{Width: render.Unwrapped}), g); err != nil {
		return err
	}
	p.Why = strings.TrimSpace(why.String())
	for i, t := range render.Sheets(v, maxRecords) {
		if len(t.Rows) > 0 {
			p.Sheets = append(p.Sheets, sheet{t, fmt.Sprintf("table-%d", i)})
		}
	}
	return pageTemplate().Execute(w, p)
}

// policy returns the content security policy. It allows only the page's own style and
// script, so that no name in the page can load or run anything.
func policy() string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(pageStyle) + "; script-src " + hash(pageScript) + "; base-uri 'none'; form-action 'none'"
}

// headline summarises the findings in a sentence.
func headline(s *model.Snapshot) (text, class string) {
	counts := map[model.Severity]int{}
	for i := range s.Findings {
		counts[s.Findings[i].Severity]++
	}
	unlooked := render.Unlooked(s)
	switch {
	case s.Findings == nil:
		return "It was not looked for what is wrong.", "info"
	case counts[model.Critical] > 0:
		return render.Counted(counts[model.Critical], "critical finding", "critical findings"), "critical"
	case counts[model.Warning] > 0:
		return render.Counted(counts[model.Warning], "warning", "warnings"), "warning"
	case unlooked != "":
		return render.Escape(unlooked), "warning"
	}
	return "Nothing is stuck, as far as was seen.", "well"
}

func factsOf(s *model.Snapshot) []fact {
	list := []fact{{"Processes", fmt.Sprintf("%d", s.Scan.Processes)}, {"Objects", fmt.Sprintf("%d", len(s.Objects))}}
	if n := SampleOf(s).Blocked; s.Waits != nil {
		list = append(list, fact{"Blocked threads", fmt.Sprintf("%d", n)})
	}
	if s.Scan.ProcessesUnreadable > 0 {
		list = append(list, fact{"Hidden processes", fmt.Sprintf("%d", s.Scan.ProcessesUnreadable)})
	}
	if s.Host.Kernel != "" {
		list = append(list, fact{"Kernel", render.Escape(strings.TrimSpace(s.Host.Kernel + " " + s.Host.Arch))})
	}
	if s.Scan.Redacted {
		list = append(list, fact{"Names", "replaced (--redact)"})
	}
	return list
}

func hostsOf(s *model.Snapshot) []hostLine {
	var list []hostLine
	for i := range s.Hosts {
		h := &s.Hosts[i]
		l := hostLine{Name: render.Escape(h.Name), Taken: h.Taken.UTC().Format("2006-01-02 15:04:05.000 UTC")}
		l.Clock = "not known"
		if i == 0 {
			l.Clock = "the first"
		}
		if c := h.Clock; c != nil {
			low, okLow := c.AheadMin.Get()
			high, okHigh := c.AheadMax.Get()
			round := func(ns int64) string { return time.Duration(ns).Round(time.Millisecond).String() }
			switch {
			case okLow && okHigh:
				l.Clock = "ahead by " + round(low) + " to " + round(high)
			case okLow:
				l.Clock = "ahead by " + round(low) + " at the least"
			case okHigh:
				l.Clock = "ahead by " + round(high) + " at the most"
			}
		}
		list = append(list, l)
	}
	return list
}

// classOf returns the CSS class of a severity; a file may contain any text as severity.
func classOf(s model.Severity) string {
	switch s {
	case model.Critical, model.Warning, model.Info:
		return string(s)
	}
	return "info"
}

// verdicts adds the findings, the worst first.
func (p *page) verdicts(v *render.View, g *graph.Graph) {
	s := g.Snapshot
	p.MoreVerdicts = max(len(s.Findings)-maxVerdicts, 0)
	for i := range s.Findings[:len(s.Findings)-p.MoreVerdicts] {
		f := &s.Findings[i]
		d := verdict{
			Class: classOf(f.Severity), Severity: render.Escape(string(f.Severity)), Confidence: render.Escape(string(f.Confidence)),
			Rule: render.Escape(f.Rule), Summary: render.Escape(f.Summary),
		}
		if !f.Since.IsZero() {
			d.Since = render.Age(s.Taken, f.Since)
		}
		if r := f.Root; r != nil {
			d.Cause = render.Escape(g.Name(r.PID) + " " + r.Doing)
		}
		for _, text := range render.Doubts(f) {
			d.Doubts = append(d.Doubts, render.Escape(text))
		}
		for _, a := range f.Actions {
			d.Actions = append(d.Actions, render.QuoteAll(a.Argv)+" ("+render.Escape(a.Effect)+")")
		}
		for _, e := range f.Evidence[:min(len(f.Evidence), maxBoxes)] {
			d.Evidence = append(d.Evidence, model.Evidence{Source: render.Escape(e.Source), Text: render.Escape(e.Text)})
		}
		if boxes, circle := boxesOf(v, g.Index, f); len(boxes) > 1 || circle && len(boxes) > 0 {
			d.Chain = drawChain(fmt.Sprintf("chain-%d", i), boxes, circle, d.Summary)
		}
		p.Verdicts = append(p.Verdicts, d)
	}
}
