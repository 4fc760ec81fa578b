package model_test

import (
	"bytes"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// TestParts puts documents together from their parts: the result must equal the encoding of the
// whole.
func TestParts(t *testing.T) {
	crowd := modeltest.NewCrowd(20, 20)
	list := []*model.Snapshot{modeltest.Rich(), {Schema: model.Schema}, crowd.Snapshot, crowd.Next(3)}
	one := *crowd.Snapshot
	one.Objects, one.Links, one.Processes = one.Objects[:1], nil, one.Processes[:0]
	list = append(list, &one)
	room := new(model.PartRoom) // each of them in the same memory
	for i, s := range append(list, list...) {
		var doc []byte
		parts := model.Parts(s, room)
		for _, p := range parts {
			doc = append(doc, bytes.Join(p.Lines, nil)...)
			doc = appendLines(doc, p.Processes)
			doc = appendLines(doc, p.Objects)
			doc = appendLines(doc, p.Links)
		}
		if want := encode(t, s); !bytes.Equal(doc, want) {
			t.Fatalf("snapshot %d is\n%s\nand as a whole\n%s", i, doc, want)
		}
		if len(parts) != 7 {
			t.Errorf("snapshot %d has %d parts, want 7 as each", i, len(parts))
		}
	}
}

func appendLines[T model.Process | model.Object | model.Link](b []byte, list []*T) []byte {
	for _, r := range list {
		b = model.AppendLine(b, r)
	}
	return b
}
