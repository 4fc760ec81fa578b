package graph

import (
	"github.com/ipctop/ipctop/model"
)

// Stuck returns the clause of a confirmed wait that no thread can ever fulfil, under the
// assumptions of a level; nil if there is none.
func (g *Graph) Stuck(w *model.Wait, level Level) *Clause {
	i, ok := g.byTID[w.TID]
	if !ok || g.nodes[i].wait != w {
		return nil
	}
	r := g.removed(level)
	if !r.dead[i] {
		return nil
	}
	for k := range g.nodes[i].clauses {
		if c := &g.nodes[i].clauses[k]; r.holds(c) {
			return c
		}
	}
	return nil
}

// removed returns the elimination at a level, which is cached.
func (g *Graph) removed(level Level) *removal {
	if g.removals[level] == nil {
		g.removals[level] = g.eliminate(level)
	}
	return g.removals[level]
}

// ClauseConfidence returns the confidence that only the threads which a clause names could fulfil it and
// that they do nothing, and the reasons why this is not certain. An ordinary user cannot read
// most processes, root can read nearly all: only for root are the unreadable ones unlikely to matter.
func (g *Graph) ClauseConfidence(w *model.Wait, c *Clause) (model.Confidence, []string) {
	d := c.Level
	because := append([]string{}, c.Reasons...)
	if i, ok := g.byTID[w.TID]; ok && !g.nodes[i].settled {
		d = max(d, Unlikely)
		because = append(because, g.Name(w.PID)+" has not waited for longer than the scan took")
	}
	if d == Unreadable && g.Snapshot.Scan.EUID != 0 {
		d = Incomplete
	}
	return d.confidence(), because
}

// Behind returns the waits that can never end because the wait w never ends.
func (g *Graph) Behind(w *model.Wait, level Level) []*model.Wait {
	i, ok := g.byTID[w.TID]
	if !ok || g.nodes[i].wait != w {
		return nil
	}
	return g.removed(level).victims([]int{i})
}
