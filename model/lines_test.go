package model_test

import (
	"bytes"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// TestLines encodes one snapshot after the other line by line, and each as a whole: that
// is the same.
func TestLines(t *testing.T) {
	var l model.Lines
	crowd := modeltest.NewCrowd(20, 20)
	list := []*model.Snapshot{modeltest.Rich(), {Schema: model.Schema}, crowd.Snapshot}
	for range 5 {
		list = append(list, crowd.Next(3))
	}
	gone := *crowd.Next(0)
	gone.Objects = append(gone.Objects[:5:5], gone.Objects[9:]...)
	gone.Links = model.MakeLinks(gone.Objects)
	list = append(list, &gone, crowd.Next(2), modeltest.Rich())
	for i, s := range list {
		if got, want := bytes.Join(l.Encode(s), nil), encode(t, s); !bytes.Equal(got, want) {
			t.Fatalf("snapshot %d is\n%s\nand as a whole\n%s", i, got, want)
		}
	}
}
