package graph

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// OnlyHalted reports whether a wait cannot end before somebody who is stopped, frozen or traced
// goes on: all others who could end it wait as well.
func (g *Graph) OnlyHalted(w *model.Wait) bool {
	i, ok := g.byTID[w.TID]
	return ok && g.withHalted().dead[i]
}

// withHalted is an elimination in which who is halted never goes on.
func (g *Graph) withHalted() *removal {
	if g.halted == nil {
		g.halted = new(scratch).begin(g, Incomplete)
		g.halted.halts = true
		g.halted.run()
	}
	return g.halted
}

// known reports whether a clause that something unknown may bring about names who does so as a
// rule: who waits for that one with a time limit waits for it all the same. Who polls
// may get something from elsewhere.
func (g *Graph) known(n *node, c *Clause) bool {
	return len(c.Processes)+len(c.Threads) > 0 && !g.Work(n.wait)
}

// ToHalted is the shortest way from a wait to somebody who is halted, through those alone who
// wait for that one, pollers too; false if the wait may end without.
func (g *Graph) ToHalted(w *model.Wait) (Chain, bool) {
	r := g.withHalted()
	start, ok := g.byTID[w.TID]
	if !ok || !r.dead[start] {
		return Chain{}, false
	}
	type arrival struct {
		from   int
		clause *Clause
	}
	came := map[int]arrival{start: {from: -1}}
	for queue := []int{start}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		n := &g.nodes[at]
		if halted(n) && at != start {
			end, _ := g.ends(n)
			c := Chain{End: end, Cycle: -1}
			for from := came[at]; from.from >= 0; from = came[from.from] {
				c.Steps = append(c.Steps, Step{Wait: g.nodes[from.from].wait, Clause: from.clause})
			}
			slices.Reverse(c.Steps)
			return c, true
		}
		for k := range n.clauses {
			c := &n.clauses[k]
			if !r.among(c) {
				continue
			}
			for _, next := range g.candidates(c) {
				if _, met := came[next]; !met && r.dead[next] {
					came[next] = arrival{at, c}
					queue = append(queue, next)
				}
			}
		}
	}
	return Chain{}, false
}

// AsksServer reports whether a thread polls nothing but a connection that its process asked
// for: it waits for an answer, where a server that polls one waits for work.
func (g *Graph) AsksServer(w *model.Wait) bool {
	list := objectsOf(w)
	if len(list) != 1 || w.Needs != model.NeedsEvent {
		return false
	}
	o := g.Object(list[0])
	if o == nil {
		return false
	}
	if o.Kind == model.TCP {
		return g.ListenerOf(o) != nil
	}
	named := func(o *model.Object) bool {
		d, ok := o.Detail.(*model.UnixDetail)
		return ok && (d.Path != "" || d.Abstract != "")
	}
	return o.Kind == model.Unix && !named(o) && slices.ContainsFunc(o.Peers, func(p model.Peer) bool {
		peer := g.Object(p.ID)
		return peer != nil && named(peer)
	})
}

// candidates are the threads, by their places, that a clause names.
func (g *Graph) candidates(c *Clause) []int {
	var list []int
	for _, tid := range c.Threads {
		if i, ok := g.byTID[tid]; ok {
			list = append(list, i)
		}
	}
	for _, pid := range c.Processes {
		list = append(list, g.members[pid]...)
	}
	return list
}
