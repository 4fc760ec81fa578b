package probe

import (
	"reflect"
	"slices"
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

func TestMarkGroups(t *testing.T) {
	fd := func(pid, tid, n int32) model.Holder {
		return model.Holder{PID: pid, TID: tid, Via: model.ViaFD, FD: model.Some(n)}
	}
	holders := []model.Holder{fd(5, 0, 3), fd(5, 0, 4), {PID: 5, Via: model.ViaMap}, fd(6, 7, 3), fd(8, 0, 1), fd(9, 0, 1)}
	groups := [][]kcmp.Descriptor{{{Task: 7, FD: 3}, {Task: 5, FD: 3}}, {{Task: 8, FD: 1}, {Task: 9, FD: 1}}}
	markGroups(holders, groups, func(pid int32) bool { return pid != 9 })
	want := model.OFD{PID: 5, FD: 3}
	if holders[0].OFD != want || !holders[1].OFD.IsZero() || !holders[2].OFD.IsZero() || holders[3].OFD != want {
		t.Errorf("got %+v", holders)
	}
	if !holders[4].OFD.IsZero() || !holders[5].OFD.IsZero() {
		t.Errorf("marked with one that is another process now: %+v", holders[4:])
	}
	both := []model.Holder{fd(5, 0, 3), {PID: 5, Via: model.ViaMap}, fd(6, 0, 3)}
	if markAll(both); both[0].OFD != want || !both[1].OFD.IsZero() || both[2].OFD != want {
		t.Errorf("all are %+v", both)
	}
	alone := []model.Holder{fd(5, 0, 3)}
	if markAll(alone); !alone[0].OFD.IsZero() {
		t.Errorf("a description that nobody shares is given: %+v", alone)
	}
}

// TestStillShared: of the holders that shared a description and have not run since, only one
// is compared with those that have run.
func TestStillShared(t *testing.T) {
	fd := func(pid, n int32) model.Holder {
		return model.Holder{PID: pid, Via: model.ViaFD, FD: model.Some(n), Access: model.Read}
	}
	e := &Entry{Holders: []model.Holder{fd(1, 3), fd(2, 3), fd(3, 3), fd(4, 3), fd(5, 3), fd(5, 4)}}
	was := &comparison{scan: 4}
	for i, ofd := range []int32{1, 1, 1, 0, 5, 5} {
		if ofd != 0 {
			e.Holders[i].OFD = model.OFD{PID: ofd, FD: 3}
		}
	}
	was.fill(e)
	for i := range e.Holders {
		e.Holders[i].OFD = model.OFD{}
	}
	e.Holders = append(e.Holders, fd(6, 3))
	idx := &Index{Scan: &Scan{number: 5}, since: map[int32]int{1: 2, 2: 3, 3: 5, 4: 1, 5: 4}}
	rest, still := was.apply(idx, e)
	var pids []int32
	for _, h := range rest {
		pids = append(pids, h.PID)
	}
	if want := []int32{1, 3, 4, 5, 6}; !slices.Equal(pids, want) {
		t.Errorf("%v are to be compared, want %v", pids, want)
	}
	d := func(pid, n int32) kcmp.Descriptor { return kcmp.Descriptor{Task: pid, FD: n} }
	groups := joinGroups([][]kcmp.Descriptor{{d(6, 3), d(1, 3)}}, still)
	if want := [][]kcmp.Descriptor{{d(6, 3), d(1, 3), d(2, 3)}, {d(5, 3), d(5, 4)}}; !reflect.DeepEqual(groups, want) {
		t.Errorf("the groups are %v, want %v", groups, want)
	}
}
