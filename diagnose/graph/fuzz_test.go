package graph

import (
	"bytes"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// FuzzGraph makes graphs from dumps with arbitrary content.
func FuzzGraph(f *testing.F) {
	for _, s := range []*model.Snapshot{circle(), machine(), modeltest.Rich()} {
		s.Schema = model.Schema
		var b bytes.Buffer
		if err := model.Encode(&b, s); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := model.Decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		g := New(model.NewIndex(s))
		for _, d := range g.Deadlocks() {
			if len(d.Members) < 2 || len(d.Waits) != len(d.Members) {
				t.Errorf("a deadlock of %v", d.Members)
			}
		}
		for i := range s.Waits {
			w := &s.Waits[i]
			c := g.Chain(w)
			if len(c.Steps) > len(g.nodes) {
				t.Errorf("a chain of %d steps among %d threads", len(c.Steps), len(g.nodes))
			}
			g.Wants(w)
			g.Release(w)
			g.Evidence(w)
		}
		for pid := range g.Processes {
			g.Doing(pid)
		}
		g.Annotate()
	})
}
