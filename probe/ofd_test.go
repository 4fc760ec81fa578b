package probe

import (
	"testing"

	"github.com/ipctop/ipctop/kcmp"
	"github.com/ipctop/ipctop/model"
)

// TestIncompleteWithoutKcmp: the same object may have other holders among the
// descriptors that could not be compared.
func TestIncompleteWithoutKcmp(t *testing.T) {
	space := &KeySpace{Name: "x", ByDescription: true}
	k := DescriptorKey(kcmp.Descriptor{Task: 1, FD: 3}, space)
	j := newJoined(false)
	e := j.at(k)
	e.Object, e.Holders = new(model.Object), []model.Holder{{PID: 1, Via: model.ViaFD, FD: model.Some[int32](3)}}
	idx := &Index{Scan: &Scan{scanner: NewScanner(Options{})}, joined: j}
	out := new(Collector)
	d := newDescriptions(idx, out)
	idx.Scan.mergeDescriptions(d)
	d.report()
	if idx.HoldersComplete(e) || len(out.gaps) != 1 || out.gaps[0].Reason != model.Unsupported {
		t.Errorf("complete %v, gaps %+v", idx.HoldersComplete(e), out.gaps)
	}
}

func TestMarkGroup(t *testing.T) {
	fd := func(pid, tid, n int32) model.Holder {
		return model.Holder{PID: pid, TID: tid, Via: model.ViaFD, FD: model.Some(n)}
	}
	holders := []model.Holder{fd(5, 0, 3), fd(5, 0, 4), {PID: 5, Via: model.ViaMap}, fd(6, 7, 3)}
	markGroup(holders, func(_ *model.Holder, d kcmp.Descriptor) bool { return d.FD == 3 })
	want := model.OFD{PID: 5, FD: 3}
	if holders[0].OFD != want || !holders[1].OFD.IsZero() || !holders[2].OFD.IsZero() || holders[3].OFD != want {
		t.Errorf("got %+v", holders)
	}
	alone := []model.Holder{fd(5, 0, 3)}
	if markGroup(alone, nil); !alone[0].OFD.IsZero() {
		t.Errorf("a description that nobody shares is given: %+v", alone)
	}
}
