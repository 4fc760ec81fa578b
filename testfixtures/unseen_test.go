package testfixtures

import (
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestUnseen: in a container, only facts that need a comparison of descriptors, and objects
// outside, may be missing.
func TestUnseen(t *testing.T) {
	kcmp := model.Gap{Probe: "ofd", Reason: model.Denied, Op: "compare descriptors", Count: 1}
	inside := model.Gap{Probe: "process", Reason: model.Unsupported, Op: "list", Path: "/proc", Count: 1}
	closed := model.Gap{Probe: "fd", Reason: model.Denied, Op: "readlink", PID: 7, Count: 1}
	event := Instance{
		Fixture: "eventfd", Object: "eventfd:61", PIDs: []int{7},
		Expect: []byte(`{"id":"eventfd:61","holders":[{"pid":7,"fd":3,"ofd":"7.3"}],"detail":{"watches":[{"fd":4,"object":"eventfd:1"}]}}`),
	}
	alone := event
	alone.Object, alone.Expect = "epoll:7.3", []byte(`{"id":"epoll:7.3","holders":[{"pid":7,"fd":3,"ofd":"7.3"},{"pid":8,"fd":3,"ofd":"7.3"}]}`)
	seen := func(fd int32, gaps ...model.Gap) *model.Snapshot {
		return &model.Snapshot{Gaps: gaps, Objects: []*model.Object{{
			ID: "eventfd:61", Kind: model.Eventfd, Holders: []model.Holder{{PID: 7, FD: model.Some(fd)}},
			Detail: &model.EpollDetail{Watches: []model.EpollWatch{{FD: model.Some(4)}}},
		}, {ID: "epoll:7.3", Kind: model.Epoll, Holders: []model.Holder{{PID: 7, FD: model.Some(fd)}}}}}
	}
	finding := Instance{Fixture: "no-reader", Object: "pipe:1", PIDs: []int{7}, Expect: []byte(`{"id":"pipe:1"}`)}
	for _, tt := range []struct {
		name string
		snap *model.Snapshot
		inst Instance
		want bool
	}{
		{"no comparison", seen(3, kcmp), event, true},
		{"no comparison, each holder by itself", seen(3, kcmp), alone, true},
		{"no comparison, but another descriptor", seen(4, kcmp), event, false},
		{"nothing refused", seen(3), event, false},
		{"of another user", seen(3, closed), event, true},
		{"of others", seen(3, model.Gap{Probe: "fd", Reason: model.Denied, Op: "readlink", PID: 8}), event, false},
		{"finding inside", seen(3, inside), finding, true},
		{"finding outside", seen(3, kcmp), finding, false},
		{"object inside", seen(4, inside), event, false},
	} {
		if got := Unseen(tt.snap, &tt.inst); (got != "") != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}
