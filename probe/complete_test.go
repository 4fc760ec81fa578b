package probe

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// What a Complete hook emits counts like the content of a table.
func TestPeersFromComplete(t *testing.T) {
	space := &KeySpace{Name: "test"}
	key := func(n uint64) Key { return Key{Space: space, Num: n} }
	read := map[string]bool{}
	snap, err := NewScanner(Options{Probes: []Probe{
		{
			Name: "whole",
			Table: func(_ context.Context, _ NS, out *Collector) error {
				for n, id := range []string{"socket:0", "socket:1"} {
					out.Object(key(uint64(n)), &model.Object{ID: id, Kind: model.Socket, Detail: new(model.SocketDetail)})
				}
				out.Peer(key(0), key(1), model.Likely)
				return nil
			},
			Complete: func(_ context.Context, idx *Index, out *Collector) {
				out.Peer(key(1), key(0), model.Likely)
				out.Peer(key(0), key(1), model.Certain)
				out.Peer(key(0), key(7), model.Certain) // not an object
				for _, name := range []string{"whole", "failed", "holey"} {
					read[name] = idx.TableRead(name, 0)
				}
			},
		},
		{Name: "failed", Table: func(context.Context, NS, *Collector) error { return errors.New("no") }},
		{Name: "holey", Table: func(_ context.Context, _ NS, out *Collector) error {
			out.Gap(model.Gap{Reason: model.Malformed})
			return nil
		}},
	}}).Scan(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(snap.Objects) != 2 {
		t.Fatalf("objects %+v", snap.Objects)
	}
	if got, want := snap.Objects[0].Peers, []model.Peer{{ID: "socket:1", Confidence: model.Certain}}; !slices.Equal(got, want) {
		t.Errorf("peers %v, want %v", got, want)
	}
	if got, want := snap.Objects[1].Peers, []model.Peer{{ID: "socket:0", Confidence: model.Likely}}; !slices.Equal(got, want) {
		t.Errorf("peers %v, want %v", got, want)
	}
	if !read["whole"] || read["failed"] || read["holey"] {
		t.Errorf("tables read: %v", read)
	}
}
