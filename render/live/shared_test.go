package live

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// TestSharedParts prepares snapshots that share unchanged records, one after the other, and
// each of them separately: the same must be shown.
func TestSharedParts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var links model.LinkMaker
	var objects []*model.Object
	var prev *Data
	var index *model.Index
	for step := range 500 {
		objects = slices.Clone(objects)
		for range r.IntN(6) {
			changeRandomObject(r, &objects)
		}
		s := &model.Snapshot{Taken: modeltest.Taken.Add(time.Duration(step) * time.Second), Objects: objects, Links: links.Make(objects)}
		for pid := range 12 {
			s.Processes = append(s.Processes, &model.Process{PID: pid, StartTicks: 1, Comm: fmt.Sprint("p", pid), Self: pid == 11, State: "S", Threads: 1})
		}
		if index == nil {
			index = model.NewIndex(s)
		} else {
			index = index.Next(s)
		}
		d, anew := Prepare(index, prev, usual), Prepare(model.NewIndex(s), nil, usual)
		for _, p := range s.Processes {
			if got, want := d.held.of(p.PID), anew.held.of(p.PID); !slices.Equal(got, want) {
				t.Fatalf("step %d: process %d holds %d objects, and anew %d", step, p.PID, len(got), len(want))
			}
			if got, want := d.linked.of(p.PID), anew.linked.of(p.PID); !slices.Equal(got, want) {
				t.Fatalf("step %d: process %d has %d links, and anew %d", step, p.PID, len(got), len(want))
			}
		}
		if !slices.Equal(d.filled, anew.filled) || d.parts.size != anew.parts.size {
			t.Fatalf("step %d: %d filled, %d bytes; and anew %d filled, %d bytes", step, len(d.filled), d.parts.size, len(anew.filled), anew.parts.size)
		}
		if !reflect.DeepEqual(d.overview, anew.overview) || !reflect.DeepEqual(d.rowsOf(screenSockets), anew.rowsOf(screenSockets)) {
			t.Fatalf("step %d: another overview, or other sockets", step)
		}
		if prev != nil {
			if got, want := d.log, changes(withoutSharing(prev), withoutSharing(d)); !reflect.DeepEqual(got, want) {
				t.Fatalf("step %d: %+v happened, and anew %+v", step, got, want)
			}
		}
		prev = d
	}
}

// withoutSharing returns a snapshot whose objects are copies.
func withoutSharing(d *Data) *Data {
	s := *d.Snap
	s.Objects = nil
	for _, o := range d.Snap.Objects {
		copied := *o
		s.Objects = append(s.Objects, &copied)
	}
	return Prepare(model.NewIndex(&s), nil, usual)
}

func changeRandomObject(r *rand.Rand, objects *[]*model.Object) {
	n := r.IntN(40)
	kind := []model.Kind{model.Pipe, model.Unix, model.Eventfd, model.TCP}[n%4]
	info, _ := model.LookupKind(kind)
	o := &model.Object{ID: fmt.Sprintf("%s:%d", kind, n), Kind: kind, Gen: fmt.Sprint(r.IntN(2)), Detail: info.NewDetail(), HoldersComplete: true}
	o.Fill = model.Some(model.Ratio(r.IntN(3)) / 2)
	for range r.IntN(4) {
		o.Holders = append(o.Holders, model.Holder{PID: int32(r.IntN(12)), Via: model.ViaFD, Access: []model.Access{model.Read, model.Write}[r.IntN(2)]})
	}
	slices.SortFunc(o.Holders, func(a, b model.Holder) int { return int(a.PID - b.PID) })
	if kind == model.Unix {
		o.Peers = []model.Peer{{ID: fmt.Sprintf("unix:%d", 4*r.IntN(10)+1)}}
	}
	i, there := slices.BinarySearchFunc(*objects, o, model.CompareObjects)
	switch {
	case !there:
		*objects = slices.Insert(*objects, i, o)
	case r.IntN(3) == 0:
		*objects = slices.Delete(*objects, i, i+1)
	default:
		(*objects)[i] = o
	}
}
