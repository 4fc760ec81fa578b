package graph

import (
	"github.com/ipctop/ipctop/model"
)

// Stuck is the clause of a confirmed wait that no thread can ever fulfil, doubts up
// to level ignored; nil if there is none.
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

// removed is the elimination at a level; each is done once.
func (g *Graph) removed(level Level) *removal {
	if g.removals[level] == nil {
		g.removals[level] = g.eliminate(level)
	}
	return g.removals[level]
}

// Sure is how sure it is that a clause has no releaser but those it names, that
// they do nothing, and why it is not certain. To an ordinary user most processes
// are hidden, to root hardly any: only then is it likely that none of them matters.
func (g *Graph) Sure(w *model.Wait, c *Clause) (model.Confidence, []string) {
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

// Behind are the waits that can never end because a wait that is dead does not.
func (g *Graph) Behind(w *model.Wait, level Level) []*model.Wait {
	i, ok := g.byTID[w.TID]
	if !ok || g.nodes[i].wait != w {
		return nil
	}
	return g.removed(level).victims([]int{i})
}
