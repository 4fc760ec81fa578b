package model

import (
	"slices"
	"testing"
)

func TestIndex(t *testing.T) {
	s := &Snapshot{
		Processes: []*Process{{PID: 2, PPID: 1}, {PID: 3, PPID: 1, Tracer: 2}},
		Objects:   []*Object{{ID: "pipe:1"}, {ID: "pipe:2"}},
		Waits:     []Wait{{PID: 3, TID: 4, Object: "pipe:1", Objects: []string{"pipe:1", "pipe:2"}}, {PID: 3, TID: 5, Object: "pipe:2"}},
	}
	x := NewIndex(s)
	if x.Object("pipe:2") != s.Objects[1] || x.Processes[3] != s.Processes[1] || x.Waits[5] != &s.Waits[1] {
		t.Error("a record is not found by its name")
	}
	if len(x.Children[1]) != 2 || !slices.Equal(x.Tracees[2], []int{3}) || len(x.WaitsOf[3]) != 2 {
		t.Errorf("of processes: %v, %v, %v", x.Children, x.Tracees, x.WaitsOf)
	}
	// If a wait's object is also in its set of objects, it counts as one wait for the object.
	if len(x.WaitsOn["pipe:1"]) != 1 || len(x.WaitsOn["pipe:2"]) != 2 {
		t.Errorf("of objects: %v", x.WaitsOn)
	}
}
