package graph

import (
	"bytes"
	"math/rand"
	"reflect"
	"slices"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestNext makes the graphs of random programs one after the other in the same memory, and each of
// them in new memory: the results must be equal. What the graph before wrote into its snapshot must
// not change.
func TestNext(t *testing.T) {
	var again *Graph
	var last *model.Snapshot
	var before []byte
	for seed := range 200 {
		r := rand.New(rand.NewSource(int64(seed)))
		w := randomWorld(r)
		s := w.somewhere(r)
		snap := w.snapshot(&s)
		other := *snap
		other.Waits = slices.Clone(snap.Waits)
		fresh := New(model.NewIndex(&other))
		again = Next(model.NewIndex(snap), again)
		for level := Proven; level < External; level++ {
			got, want := again.removed(level), fresh.removed(level)
			if !slices.Equal(got.dead, want.dead) || !slices.Equal(got.freeCrowd, want.freeCrowd) ||
				!reflect.DeepEqual(got.free, want.free) || !reflect.DeepEqual(got.freeBelow, want.freeBelow) {
				t.Fatalf("seed %d: at level %d %v are dead, anew %v", seed, level, got.dead, want.dead)
			}
		}
		if got, want := again.Deadlocks(), fresh.Deadlocks(); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: deadlocks %v, anew %v", seed, got, want)
		}
		again.Annotate()
		fresh.Annotate()
		if !reflect.DeepEqual(snap.Waits, other.Waits) {
			t.Fatalf("seed %d: waits\n%+v, anew\n%+v", seed, snap.Waits, other.Waits)
		}
		if last != nil && !bytes.Equal(model.AppendJSON(nil, &last.Waits), before) {
			t.Fatalf("seed %d: the waits before have changed:\n%s\nwere\n%s", seed, model.AppendJSON(nil, &last.Waits), before)
		}
		last, before = snap, model.AppendJSON(nil, &snap.Waits)
	}
}
