package probe

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/ipctop/ipctop/model"
)

func TestGather(t *testing.T) {
	for n := range 8 {
		for range 50 {
			from := rand.Perm(n)
			list, want := make([]int, n), make([]int, n)
			for i := range list {
				list[i] = 100 + i
			}
			for i := range want {
				want[i] = list[from[i]]
			}
			if gather(list, slices.Clone(from)); !slices.Equal(list, want) {
				t.Fatalf("%v: got %v, want %v", from, list, want)
			}
		}
	}
}

// TestArrange: objects that were merged away leave no trace, those that came
// later are there, and every one of those that stayed.
func TestArrange(t *testing.T) {
	space := &KeySpace{Name: "x"}
	for _, c := range []struct{ objects, merged, added int }{{6, 0, 0}, {6, 2, 0}, {6, 0, 3}, {6, 3, 1}, {6, 1, 3}, {0, 0, 2}, {6, 6, 0}} {
		out := new(Collector)
		for n := range c.objects {
			out.Object(Key{Space: space, Num: uint64(n)}, &model.Object{ID: "pipe:" + strconv.Itoa(n), Kind: model.Pipe})
		}
		j := newJoined(false)
		idx := &Index{Scan: &Scan{number: 1}, joined: j}
		j.take([]*result{{table: tableKey{"x", 0}, out: out}}, 1)
		j.make(idx.Scan)
		for n := range c.merged {
			j.entries[Key{Space: space, Num: uint64(2*n%max(c.objects, 1)) + uint64(2*n/max(c.objects, 1))}].gone = true
		}
		for n := range c.added {
			idx.Add(Key{Space: space, Num: uint64(100 - n)}, &model.Object{ID: "pipe:" + strconv.Itoa(100-n), Kind: model.Pipe})
		}
		var list []*Entry
		var want []string
		for e := range idx.All() {
			list = append(list, e)
		}
		sortObjects(list)
		for _, e := range list {
			want = append(want, e.Object.ID)
		}
		var got []string
		for _, o := range j.arrange(list) {
			got = append(got, o.ID)
		}
		if len(want) != c.objects-c.merged+c.added || !slices.Equal(got, want) {
			t.Errorf("%+v: got %v, want %v", c, got, want)
		}
		// Once more, with another object before all others.
		first := idx.Add(Key{Space: space, Num: 1000}, &model.Object{ID: "pipe:", Kind: model.Pipe})
		list = append([]*Entry{first}, list...)
		for i, o := range j.arrange(list) {
			if o.ID != append([]string{"pipe:"}, want...)[i] || list[i].Object.ID != o.ID {
				t.Errorf("%+v: at %d is %s, its entry has %s", c, i, o.ID, list[i].Object.ID)
			}
		}
	}
}
