package probe

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestSortObjects: the shortcut changes nothing.
func TestSortObjects(t *testing.T) {
	var list []*Entry
	add := func(kind model.Kind, ids ...string) {
		for _, id := range ids {
			list = append(list, &Entry{Object: &model.Object{ID: id, Kind: kind}})
		}
	}
	add(model.Pipe, "pipe:9", "pipe:10", "pipe:10@4026531839", "pipe:99999999999999999999", "pipe:18446744073709551616", "pipe:100")
	add(model.FIFO, "fifo:8:1:77", "fifo:8:1:8", "fifo:10:1:2", "fifo:9:1:2")
	add(model.Futex, "futex:12:0x7f", "futex:file:8:1:3+16", "futex:2:0x7f", "futex:shm-anon:1:2+0")
	add(model.Epoll, "epoll:5.10", "epoll:5.9", "epoll:50.1", "epoll", "")
	want := slices.Clone(list)
	slices.SortStableFunc(want, func(a, b *Entry) int {
		return cmp.Or(model.CompareKinds(a.Object.Kind, b.Object.Kind), model.CompareIDs(a.Object.ID, b.Object.ID))
	})
	for range 50 {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		sortObjects(list)
		if got, want := idsOf(list), idsOf(want); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func idsOf(list []*Entry) string {
	var ids []string
	for _, e := range list {
		ids = append(ids, string(e.Object.Kind)+" "+e.Object.ID)
	}
	return strings.Join(ids, "\n")
}
