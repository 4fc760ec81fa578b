package render

import (
	"fmt"
	"io"
	"slices"

	"github.com/ipctop/ipctop/diagnose/graph"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
)

// WhyChain is a chain from a blocked thread to its root cause, in JSON.
type WhyChain struct {
	Steps   []model.Step `json:"steps" doc:"from the blocked thread on"`
	Kind    string       `json:"ends" doc:"how it ends: running, sleeping, idle, stopped, traced, frozen, disk, outside, stuck, nobody, gone …"`
	Root    *model.Root  `json:"root,omitzero" doc:"the process that it ends at, and what that does"`
	Doing   string       `json:"doing" doc:"how it ends, in words"`
	Inside  string       `json:"look_inside,omitzero" doc:"how to see what the process does that it ends at: a command, or a query that the server answers"`
	Cycle   bool         `json:"circle" doc:"the last one waits for one that came before"`
	Release string       `json:"release" doc:"what would end the first wait"`
}

// WhyJSON writes a partial snapshot with a list of chains: of the matches, or of everything
// that is stuck. It contains also the waits in the chains, and the findings about them.
func WhyJSON(w io.Writer, g *graph.Graph, matches []query.Match, all bool) error {
	s := g.Snapshot
	var chains []*WhyChain
	var waits []*model.Wait
	var findings []*model.Finding
	through := map[*model.Wait]bool{}
	for _, m := range matches {
		if m.Object != nil {
			for _, wait := range g.Through(m.Object) {
				through[wait] = true
			}
		}
	}
	for i := range s.Waits {
		wait := &s.Waits[i]
		if !whyConcerns(wait, matches, through) && !(all && wait.Confirmed && g.Firm(wait)) {
			continue
		}
		c := g.Chain(wait)
		chains = append(chains, whyChain(g, &c))
		for _, step := range c.Steps {
			if !slices.Contains(waits, step.Wait) {
				waits = append(waits, step.Wait)
			}
		}
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		if len(f.Chain) > 0 && (all || slices.ContainsFunc(matches, func(m query.Match) bool {
			return m.Process != nil && slices.Contains(f.PIDs, m.Process.PID) || m.Object != nil && slices.Contains(f.Objects, m.Object.ID)
		})) {
			findings = append(findings, f)
		}
	}
	b := fmt.Appendf(nil, "{%q:%q,\n", "schema", model.Schema)
	if s.FromFile {
		b = fmt.Appendf(b, "%q:true,\n", "from_file")
	}
	b = fmt.Appendf(b, "%q:[", "chains")
	b = showRecords(b, chains)
	b = fmt.Appendf(b, ",\n%q:[", "waits")
	b = showRecords(b, waits)
	b = fmt.Appendf(b, ",\n%q:[", "findings")
	b = showRecords(b, findings)
	_, err := w.Write(append(b, '}', '\n'))
	return err
}

// whyConcerns reports whether a wait belongs to a matching process, or is for a matching
// object.
func whyConcerns(w *model.Wait, matches []query.Match, through map[*model.Wait]bool) bool {
	return through[w] || slices.ContainsFunc(matches, func(m query.Match) bool { return m.Process != nil && m.Process.PID == w.PID })
}

func whyChain(g *graph.Graph, c *graph.Chain) *WhyChain {
	j := &WhyChain{Steps: []model.Step{}, Kind: string(c.End.Kind), Doing: c.End.Doing, Inside: c.End.Inside(), Cycle: c.Cycle >= 0}
	if p := c.End.Process; p != nil {
		j.Root = &model.Root{PID: p.PID, TID: c.End.TID, Comm: p.Name(), Doing: c.End.Doing}
	}
	for _, s := range c.Steps {
		j.Steps = append(j.Steps, model.Step{PID: s.Wait.PID, TID: s.Wait.TID, Comm: g.Comm(s.Wait.PID), Object: s.Wait.Object, Relation: g.Wants(s.Wait)})
	}
	if len(c.Steps) > 0 {
		j.Release = g.Release(c.Steps[0].Wait)
	}
	return j
}
