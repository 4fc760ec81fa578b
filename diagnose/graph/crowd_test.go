package graph

import (
	"fmt"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestCrowds: equal sets of processes become one crowd, and the result is the same as with a list for
// each wait.
func TestCrowds(t *testing.T) {
	s := machine()
	pipe := &model.Object{ID: "pipe:1", Kind: model.Pipe, HoldersComplete: true, Detail: &model.PipeDetail{}}
	s.Objects, s.Processes, s.Waits = []*model.Object{pipe}, nil, nil
	for i := range 2 * manyHolders {
		p := &model.Process{PID: 1000 + i, Comm: "w", State: "S", Threads: 1, Signals: &model.Signals{}}
		if i%7 == 3 {
			p.State = "T"
		}
		s.Processes = append(s.Processes, p)
		pipe.Holders = append(pipe.Holders, model.Holder{PID: int32(p.PID), Via: model.ViaFD, FD: model.Some(int32(3)), Access: model.ReadWrite})
		if i%5 == 1 {
			continue // it does something else
		}
		w := model.Wait{
			PID: p.PID, TID: p.PID, Call: "write", Needs: model.NeedsSpace, Object: pipe.ID, Confirmed: true, Timed: model.Some(false),
			BlockedFor: model.Some(int64(1)), Target: &model.Target{FD: model.Some(3)},
		}
		if i%3 == 0 {
			w.Call, w.Needs = "read", model.NeedsData
		}
		s.Waits = append(s.Waits, w)
	}
	for range 8 { // repeat without the thread that stands for all, until that is one that waits
		g := New(model.NewIndex(s))
		if len(g.crowds) != 1 {
			t.Fatalf("%d crowds of one set", len(g.crowds))
		}
		for i := range g.nodes {
			n := &g.nodes[i]
			for k := range n.clauses {
				alone := n.clauses[k]
				alone.crowd = 0
				got, want := g.representative(n, &n.clauses[k]), g.representative(n, &alone)
				if got != want {
					t.Errorf("%d waits for %s, want %s", n.tid, nodeName(got), nodeName(want))
				}
			}
		}
		g = New(model.NewIndex(s))
		worst := g.worstInCrowd(0, &node{}).process
		worst.State = "S"
	}
}

func nodeName(n *node) string {
	if n == nil {
		return "nobody"
	}
	return fmt.Sprint(n.tid)
}
