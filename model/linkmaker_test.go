package model

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// TestLinkMaker makes the links of successive snapshots, and separately those of each snapshot:
// they must be equal. The previous list must not change, and is reused if the next one is equal.
func TestLinkMaker(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	m := new(LinkMaker)
	var objects []*Object
	shared, kept := 0, 0
	for step := range 2000 {
		before, was := m.links, slices.Clone(m.links)
		objects = slices.Clone(objects)
		for range r.IntN(4) {
			changeSocket(r, &objects)
		}
		got := m.Make(objects)
		if want := MakeLinks(objects); len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("step %d: %d links, and anew %d", step, len(got), len(want))
		}
		if !slices.Equal(before, was) {
			t.Fatalf("step %d: the list of %d links before has changed", step, len(was))
		}
		if step > 0 && slices.Equal(got, before) {
			if kept++; !SameList(got, before) {
				t.Fatalf("step %d: a list of %d links is another, and equal", step, len(got))
			}
		}
		for _, l := range got {
			if slices.Contains(before, l) {
				shared++
			}
		}
	}
	if shared == 0 || kept < 100 {
		t.Errorf("%d links and %d lists were taken over", shared, kept)
	}
}

// changeSocket adds one of twenty sockets and pipes to the list, removes it, or changes
// it. Peers are named by one side or by both.
func changeSocket(r *rand.Rand, objects *[]*Object) {
	n := r.IntN(20)
	o := &Object{ID: fmt.Sprintf("unix:%d", n), Kind: Unix}
	if n%4 == 0 {
		o.ID, o.Kind = fmt.Sprintf("pipe:%d", n), Pipe
	}
	for range r.IntN(4) {
		o.Holders = append(o.Holders, Holder{PID: int32(1 + r.IntN(5)), Access: []Access{Read, Write, ReadWrite}[r.IntN(3)]})
	}
	slices.SortFunc(o.Holders, func(a, b Holder) int { return int(a.PID - b.PID) })
	for range r.IntN(3) {
		if o.Kind == Unix {
			o.Peers = append(o.Peers, Peer{ID: fmt.Sprintf("unix:%d", r.IntN(20))})
		}
	}
	slices.SortFunc(o.Peers, func(a, b Peer) int { return CompareIDs(a.ID, b.ID) })
	o.Peers = slices.Compact(o.Peers)
	i, there := slices.BinarySearchFunc(*objects, o, CompareObjects)
	switch {
	case !there:
		*objects = slices.Insert(*objects, i, o)
	case r.IntN(3) == 0:
		*objects = slices.Delete(*objects, i, i+1)
	case r.IntN(3) == 0: // a change that does not concern links
		same := *(*objects)[i]
		same.Mode = fmt.Sprint(r.IntN(100))
		(*objects)[i] = &same
	default:
		(*objects)[i] = o
	}
}
